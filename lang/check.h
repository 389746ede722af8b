/* check.h: what the files of the checker share; private to lang/. */
#ifndef NNT_CHECK_H
#define NNT_CHECK_H

#include "lang/ast.h"
#include "lang/model.h"

/* ---- values: what an expression of the file comes to ---- */

/* POISON: a message was given, everything made of it is silent. FUNCTION: a param that stands for one. */
enum value_kind { VALUE_POISON, VALUE_NUMBER, VALUE_TRUTH, VALUE_TEXT, VALUE_FUNCTION };
struct value {
    enum value_kind kind;
    const struct expr *e; /* NUMBER, TRUTH */
    const char *text;     /* TEXT; FUNCTION: its name */
    uint32_t symbols;     /* FUNCTION: how many symbols were visible where it was named */
};

/* A param or let, of the prelude or the file. */
struct symbol {
    const char *name;
    struct span at;
    bool is_param, bad;
    struct value value;    /* a param, or a let without arguments */
    const struct ast *let; /* a let with arguments, else NULL */
    uint32_t n_arguments;
    bool hidden; /* of the prelude, and not for files */
};

/* A result kept for a let and its arguments: each combination is evaluated once. */
enum { MOST_ARGUMENTS = 16, MEMO_BUCKETS = 1024 };
struct memo {
    struct memo *next;
    uint32_t symbol;
    struct value argument[MOST_ARGUMENTS], result;
};

enum place {
    PLACE_CONSTANT,
    PLACE_ACTIVATION,
    PLACE_POTENTIAL,
    PLACE_LOSS,
    PLACE_INIT,
    PLACE_SCHEDULE,
    PLACE_BINDING
};
struct local {
    const char *name;
    struct value value;
    const struct local *outer;
};
/* Where an expression stands, and so what its names mean. */
struct scope {
    struct checker *c;
    enum place place;
    uint32_t symbols;           /* those before this are visible */
    const struct local *locals; /* arguments of a let, index of a family */
    uint32_t width;             /* of z, of s */
    double fan_in, fan_out;
    struct span at;             /* source 0, or where messages belong: the call of a prelude function */
    const struct scope *caller; /* of a let */
    struct span call;           /* where the let was called */
    uint32_t depth;
    bool inside; /* the prelude, where its hidden names are known */
};

/* Words to choose a suggestion from. */
struct choice {
    const char **word;
    uint32_t count, capacity;
};

/* ---- the checker ---- */

/* A group name of the file: one group, or an array of them. */
struct declaration {
    const char *name;
    struct span at;
    bool array, bad;
    uint32_t first, count;
};
/* What is known of a source's field before it is opened: numbers a sample (of a sequence: a row), or classes of a label;
 * 0 where unknown. rows: of a sequence, or ROWS_LATER where only the file will tell; 0: no sequence. */
#define ROWS_LATER UINT32_MAX
struct field_facts {
    const char *name;
    uint32_t size, classes, rows;
};
/* Of a group that is `each tick`: where that is said (source 0: it is not), and the first update whose row counts. */
struct sequence {
    struct span at;
    uint32_t first;
};
/* A whole block of the file and the symbols visible to it. */
struct part {
    const struct ast *node;
    uint32_t symbols;
};

/* What training minimises. */
enum objective { OBJECTIVE_BOUNDARY, OBJECTIVE_BULK, OBJECTIVE_FREE_ENERGY, OBJECTIVES };

struct checker {
    struct diag *diag;
    struct arena *arena;
    struct model *m;
    const struct setting *setting;
    uint32_t n_settings;
    bool *used; /* settings */
    uint32_t mistakes;
    bool full_reported;    /* the pool */
    struct choice unknown; /* names reported as unknown */
    const struct ast_source *source;
    uint32_t errors_before; /* of other files in the same diag */
    bool unread;            /* something at the top did not parse */

    struct symbol *symbol; /* the prelude's, then the file's */
    uint32_t n_symbols, symbol_capacity, n_prelude;
    struct memo *memo[MEMO_BUCKETS];
    uint32_t *depth, n_depths, depth_capacity; /* of the pool's nodes */
    bool *reduces;                             /* whether a reduction stands in it */
    uint32_t reduces_capacity;

    struct part network, data, ensemble, train;
    struct part *measure;
    uint32_t n_measures, measure_capacity;

    struct declaration *declaration;
    uint32_t n_declarations, declaration_capacity, group_capacity, block_capacity, parameter_capacity;
    bool *has_activation;      /* a statement names it, even a wrong one */
    struct sequence *sequence; /* a group */
    /* Something was wrong there: what is missing may only be misspelt, and is not reported. */
    bool doubt_groups, doubt_boundary, doubt_blocks, doubt_activations, doubt_loss, doubt_H, doubt_dynamics;
    bool unread_groups; /* a neurons statement did not parse: any name may be a group */
    bool in_doubt;      /* set by a statement whose mistake was reported elsewhere */
    uint64_t n_neurons, n_parameters;
    uint32_t *last_into, *previous_into; /* blocks into a group, latest first; NNT_NONE ends */
    /* the ensemble and train blocks */
    bool clamp_given, doubt_ensemble, train_unknown;
    struct span full_at, relaxation_at, inferred_at, ensemble_asked;
    struct span kinks_at[MEASURES]; /* where a measure that kinks spoil is asked for; source 0: nowhere */
    uint32_t spec_capacity;
    struct span loss_at;
    bool R_given, has_loss, minimizes_given, refused;
    bool minimizes[OBJECTIVES];
    const struct expr *coefficient[OBJECTIVES];

    /* the data block, while it is checked */
    struct field_facts *field;
    uint32_t derived_capacity, binding_capacity;
    uint32_t *rows, n_rows, rows_capacity; /* of the pool's nodes, as of fields */
    bool has_data_source, test_available, test_unknown, doubt_bindings;
};

/* ---- check.c: messages ---- */

/* An error at `at`, or at the prelude function's call in which it was found, with a note on the use that led there.
 */
void mistake(const struct scope *s, struct span at, const char *name, const char *format, ...) PRINTF(4, 5);
/* Where the file uses the let in which `s` stands; `at` where it stands in none. */
struct span outermost_use(const struct scope *s, struct span at);
enum refused {
#define REFUSED(name, what) REFUSED_##name,
#include "lang/refused.def"
#undef REFUSED
    REFUSALS
};
/* "not yet supported", at its position. */
void refuse(struct checker *c, enum refused what, struct span at);
void refuse_named(struct checker *c, const char *what, struct span at);
/* Whether a mistake was found in this file, parsing or checking. */
bool mistaken(const struct checker *c);
/* A default that cannot be had: a note, kept to itself where there are mistakes. */
void left_out(struct checker *c, struct span at, const char *format, ...) PRINTF(3, 4);
struct scope scope_of(struct checker *c, enum place place, uint32_t symbols);
void choice_add(struct checker *c, struct choice *choice, const char *word);
/* Whether a name is unknown for the first time: one that is misspelt where it is given is missed at each use. */
bool first_unknown(struct checker *c, const char *name);
void suggest(struct checker *c, const char *found, const struct choice *choice);
bool named(const struct ast *node, enum ast_kind kind, const char *text);
struct span name_of(const struct ast *node);

/* ---- check_expr.c: expressions ---- */

struct value value_of(const struct scope *s, const struct ast *e);
struct value number_value(const struct expr *e);
struct value poison(void);
/* One primitive, spread and checked; `at` is where unequal lengths are reported. */
struct value apply(const struct scope *s, struct span at, enum primitive op, struct value a, struct value b,
                   struct value d);
/* A number or a vector of neurons, whatever its width; NULL after a message. `what` names it in the message. */
const struct expr *evaluate_number(const struct scope *s, const struct ast *e, const char *what);
/* Constants: false after a message. Ranges are inclusive. */
bool constant_number(const struct scope *s, const struct ast *e, const char *what, double *out);
bool constant_whole(const struct scope *s, const struct ast *e, const char *what, double low, double high,
                    uint64_t *out);
bool constant_truth(const struct scope *s, const struct ast *e, const char *what, bool *out);
const char *constant_text(const struct scope *s, const struct ast *e, const char *what);
/* Whether sum, mean, max or min of neurons stands in it. */
bool has_reduction(struct checker *c, const struct expr *e);
/* Whether nothing grew out of bounds; a message at `at` otherwise. */
bool within_bounds(const struct scope *s, struct span at, const struct expr *e);

/* ---- check_name.c, check_call.c: what names and calls mean ---- */

struct value evaluate_name(const struct scope *s, const struct ast *e);
struct value evaluate_index(const struct scope *s, const struct ast *e);
struct value loss_call(const struct scope *s, const struct ast *call); /* target(y), prediction(g) */
struct value evaluate_call(const struct scope *s, const struct ast *e);
const struct symbol *find_symbol(const struct scope *s, const char *name);
/* Whether a param or let of that name stands further down. */
bool is_later(const struct checker *c, const char *name);
/* Names that the language keeps for itself: z, s, target, … */
bool is_reserved_name(const char *name);
/* What a function takes, for hints: "(y, t, width)", or NULL where there is no such function in this scope. */
const char *function_arguments(const struct scope *s, const char *name);
bool is_function_of_one(const struct scope *s, const char *name);
/* A function of values already made. */
struct value call_function(const struct scope *s, const struct ast *e, const char *name,
                           const struct value *argument, uint32_t n);
/* Checks the names of a let's body where it stands, before any use. */
bool check_names(const struct scope *s, const struct ast *e);
void functions_here(const struct scope *s, struct choice *choice);

/* ---- check_arguments.c: calls against the argument texts of the tables ---- */

enum { MOST_SETTINGS = 12 };
/* An argument of a table row: what the file gives, or the default's text ("" where it must be given). */
struct argument {
    char name[24], fallback[16];
    const struct ast *given;
};
/* Splits "count noise=0.1 seed=1"; returns how many. */
uint32_t split_arguments(const char *text, struct argument out[MOST_SETTINGS]);
/* Matches a name or call with arguments by position, then by name; false after a message. */
bool match_arguments(const struct scope *s, const struct ast *call, const char *text,
                     struct argument out[MOST_SETTINGS], uint32_t *out_n);
double argument_number(const struct scope *s, const struct argument *a, double low, double high, bool *ok);
/* Above 0, and finite. */
double argument_positive(const struct scope *s, const struct argument *a, bool *ok);
uint64_t argument_whole(const struct scope *s, const struct argument *a, double low, double high, bool *ok);

/* ---- the parts of a file ---- */

void check_network(struct checker *c);
/* The groups that a list of refs names, in order; false where one is wrong (a message was given, the others are in
 * `out`; a wrong one in a chain is NNT_NONE). */
struct group_list {
    uint32_t *group;
    const struct ast **ref;
    uint32_t count, capacity;
};
bool resolve_refs(const struct scope *s, const struct ast *list, struct group_list *out);
/* false after a message: neurons come before their uses. */
bool is_declared_before(const struct scope *s, const struct declaration *d, const struct ast *ref);
const struct declaration *find_declaration(const struct checker *c, const char *name);
/* Runs a statement for each index of its family, or once. */
void for_family(const struct scope *s, const struct ast *family, const struct ast *statement,
                void (*run)(const struct scope *s, const struct ast *statement));
void check_weights(const struct scope *s, const struct ast *statement); /* check_blocks.c */
void check_biases(const struct scope *s, const struct ast *statement);
void check_initialiser(const struct scope *s, const struct ast *init, struct parameter *p); /* check_init.c */
void check_dynamics(const struct scope *s, const struct ast *e);                            /* check_dynamics.c */
/* `each tick [from k]` of the groups of an input or output statement. */
void check_each_tick(const struct scope *s, const struct ast *statement, const struct group_list *list);
/* A group is bound at `at` to data of so many rows, as of fields; `what` names them in a message. */
void check_rows(const struct scope *s, struct span at, uint32_t group, uint32_t rows, const char *what);
void check_graph(struct checker *c);                                       /* check_graph.c */
void check_activation(const struct scope *s, const struct ast *statement); /* check_loss.c */
void check_potential(const struct scope *s, const struct ast *statement);
void check_loss(const struct scope *s, const struct ast *statement);
void check_loss_rows(struct checker *c); /* when the data has said how many there are */
const struct expr *built_in(struct checker *c, const char *name, const struct expr *argument);
/* A schedule, a number of progress; NULL after a message. Its values must lie in (or at, with `closed`) low … */
const struct expr *check_schedule(const struct scope *s, const struct ast *e, const char *what, double low,
                                  bool closed);
struct value schedule_call(const struct scope *s, const struct ast *e, bool *out_known); /* warmup and piecewise */
void check_objective(const struct scope *s, const struct ast *e);
void check_data(struct checker *c);
struct value binding_call(const struct scope *s, const struct ast *e, bool *out_known);
bool check_source(const struct scope *s, const struct ast *e, struct source_spec *out); /* check_source.c */
uint32_t source_fields(struct checker *c, const struct source_spec *source, struct field_facts **out);
/* Whether a text names a column here, and what stands for it. */
bool names_columns(const struct scope *s);
struct value column_value(const struct scope *s, const struct ast *e);
void check_ensemble(struct checker *c);
uint64_t count_free(const struct model *m); /* n */
/* Whether a state is relaxed anywhere: at the ensemble's reference, or where the bulk is minimised. */
bool is_relaxed(const struct checker *c);
void check_free_order(struct checker *c); /* no cycle among what the ensemble leaves free; check_graph.c */
void check_train(struct checker *c);
void note_no_effect(struct checker *c); /* what is stated and changes nothing, at the end */
void check_measures(struct checker *c); /* check_measure.c */
/* Warns of activations and potentials that lack the derivatives that a measure at `at` needs; check_kinks.c. */
void warn_kinks(struct checker *c, enum measure which, struct span at);
void check_proper(struct checker *c,
                  struct span asked); /* check_ensemble.c; asked: the measure that wants an ensemble, or source 0 */

#endif
