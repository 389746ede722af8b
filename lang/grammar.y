/* grammar.y: tokens to the tree, pure, %expect 0; goes on at the end of a statement after a mistake. */
%code requires {
#include "lang/parser.h"
}
%code {
#include "lang/grammar.h"

#define YYMAXDEPTH 20000
#define YYLLOC_DEFAULT(all, part, n) (all) = (struct span){YYRHSLOC(part, (n) > 0).source, (n) > 0 ? YYRHSLOC(part, 1).begin : YYRHSLOC(part, 0).end, YYRHSLOC(part, n).end}

static int lang_lex(YYSTYPE *value, struct span *span, struct parser *p)
{
    return filter_next(&p->filter, &value->token, span);
}
static void lang_error(struct span *span, struct parser *p, const char *message);

#define LIST(span, list) ast_node_of(p, AST_LIST, span, span, "", list)
#define BINARY(sign) ast_node(p, AST_BINARY, yyloc, yylsp[-1], sign, 2, yyvsp[-2].node, yyvsp[0].node)
/* A name which has its meaning in this place alone must be one of these words. */
#define MUST_BE(name, ...)                                                                                                       \
    do {                                                                                                                         \
        static const char *const allowed[] = {__VA_ARGS__};                                                                      \
        if (!syntax_word(p, name, allowed, LENGTH(allowed))) YYERROR;                                                            \
    } while (0)
}

%define api.pure full
%define api.prefix {lang_}
%define api.token.prefix {TOKEN_}
%define api.location.type {struct span}
%define parse.lac full
%define parse.error custom
%define lr.default-reduction accepting
%locations
%expect 0
%param {struct parser *p}
%initial-action { @$ = (struct span){p->filter.tokens->token[0].span.source, 0, 0}; }

%union {
    const struct token *token;
    struct ast *node;
    struct ast_list *list;
}

%token END "the end of the line" LINE "the end of a line in a list" BROKEN "what is no token"
%token <token> NAME "a name" NUMBER "a number" TEXT "a text"
%token ARROW "'->'" RANGE "'..'" LE "'<='" GE "'>='" EQ "'=='" NE "'!='"
%token IF "'if'" THEN "'then'" ELSE "'else'" AND "'and'" OR "'or'" NOT "'not'" TRUE "'true'" FALSE "'false'"
%token INIT "'init'" OVER "'over'" FOR "'for'" IN "'in'" EACH "'each'" EVERY "'every'" AT "'at'" ON "'on'" OF "'of'"
%token INCLUDE "'include'" PARAM "'param'" LET "'let'" NETWORK "'network'" DATA "'data'" ENSEMBLE "'ensemble'" MEASURE "'measure'"
%token NEURONS "'neurons'" INPUT "'input'" OUTPUT "'output'" WEIGHTS "'weights'" BIASES "'biases'" ACTIVATION "'activation'"
%token POTENTIAL "'potential'" LOSS "'loss'" CLAMP "'clamp'"
%token <token> TRAIN "'train'" SETTING "a setting"

%type <node> top network data ensemble train statement_of_network statement_of_data statement_of_ensemble statement_of_train
%type <node> measure when setting decl ref tick tie init family expr atom arg number_of_samples
%type <list> tops body_of_network body_of_data body_of_ensemble body_of_train decls indices refs chain marks names exprs args samples

%precedence ELSE
%left OR
%left AND
%precedence NOT
%nonassoc '<' '>' LE GE EQ NE
%left '+' '-'
%left '*' '/'
%precedence NEGATION
%right '^'

%%
file:
    tops                                    { p->file = ast_node_of(p, AST_FILE, @$, @$, "", $1); }
    ;
tops:
    %empty                                  { $$ = ast_list(p, NULL); }
  | top                                     { $$ = ast_list(p, $1); }
  | tops end top                            { $$ = ast_append(p, $1, $3); }
    ;
end:    END                                 { yyerrok; } ;
close:  '}'                                 { yyerrok; } ;
top:
    INCLUDE TEXT                            { $$ = ast_node(p, AST_INCLUDE, @$, @1, "", 2, ast_atom(p, AST_TEXT, $2), NULL); }
  | PARAM NAME '=' expr                     { $$ = ast_node(p, AST_PARAM, @$, @2, $2->text, 1, $4); }
  | LET NAME '=' expr                       { $$ = ast_node(p, AST_LET, @$, @2, $2->text, 2, LIST(@2, ast_list(p, NULL)), $4); }
  | LET NAME '(' names ')' '=' expr         { $$ = ast_node(p, AST_LET, @$, @2, $2->text, 2, LIST(@4, $4), $7); }
  | network | data | ensemble | train | measure
  | error                                   { $$ = ast_failed(p); }
    ;
network:
    NETWORK NAME '{' body_of_network close  { $$ = ast_node_of(p, AST_NETWORK, @$, @2, $2->text, $4); }
  | NETWORK error '{' body_of_network close { $$ = ast_node_of(p, AST_NETWORK, @$, @1, "", $4); }
    ;
data:
    DATA '{' body_of_data close             { $$ = ast_node_of(p, AST_DATA, @$, @1, "", $3); }
  | DATA error '{' body_of_data close       { $$ = ast_node_of(p, AST_DATA, @$, @1, "", $4); }
    ;
ensemble:
    ENSEMBLE '{' body_of_ensemble close     { $$ = ast_node_of(p, AST_ENSEMBLE, @$, @1, "", $3); }
  | ENSEMBLE error '{' body_of_ensemble close { $$ = ast_node_of(p, AST_ENSEMBLE, @$, @1, "", $4); }
    ;
train:
    TRAIN '{' body_of_train close           { $$ = ast_node_of(p, AST_TRAIN, @$, @1, "", $3); }
  | TRAIN error '{' body_of_train close     { $$ = ast_node_of(p, AST_TRAIN, @$, @1, "", $4); }
    ;
measure:
    MEASURE when samples '{' exprs comma close
                                            { $$ = ast_node(p, AST_MEASURE, @$, @1, "", 4, $2, $3->item[0], $3->item[1], LIST(@5, $5)); }
    ;

/* ---- network -------------------------------------------------------------------------------------------------------------- */
body_of_network:
    %empty                                  { $$ = ast_list(p, NULL); }
  | statement_of_network                    { $$ = ast_list(p, $1); }
  | body_of_network end statement_of_network { $$ = ast_append(p, $1, $3); }
    ;
statement_of_network:
    NEURONS decls                           { $$ = ast_node_of(p, AST_NEURONS, @$, @1, "", $2); }
  | INPUT refs                              { $$ = ast_node(p, AST_INPUT, @$, @1, "", 2, LIST(@2, $2), NULL); }
  | INPUT refs tick                         { $$ = ast_node(p, AST_INPUT, @$, @1, "", 2, LIST(@2, $2), $3); }
  | OUTPUT refs                             { $$ = ast_node(p, AST_OUTPUT, @$, @1, "", 3, LIST(@2, $2), NULL, NULL); }
  | OUTPUT refs tick                        { $$ = ast_node(p, AST_OUTPUT, @$, @1, "", 3, LIST(@2, $2), $3, NULL); }
  | OUTPUT refs tick NAME expr              { MUST_BE($4, "from"); $$ = ast_node(p, AST_OUTPUT, @$, @1, "", 3, LIST(@2, $2), $3, $5); }
  | WEIGHTS chain tie init marks family     { $$ = ast_node(p, AST_WEIGHTS, @$, @1, "", 5, LIST(@2, $2), $3, $4, LIST(@5, $5), $6); }
  | BIASES refs init marks family           { $$ = ast_node(p, AST_BIASES, @$, @1, "", 4, LIST(@2, $2), $3, LIST(@4, $4), $5); }
  | ACTIVATION refs '=' expr family         { $$ = ast_node(p, AST_ACTIVATION, @$, @1, "", 3, LIST(@2, $2), $4, $5); }
  | POTENTIAL refs '=' expr family          { $$ = ast_node(p, AST_POTENTIAL, @$, @1, "", 3, LIST(@2, $2), $4, $5); }
  | LOSS NAME '=' expr                      { MUST_BE($2, "boundary"); $$ = ast_node(p, AST_LOSS_BOUNDARY, @$, @1, "", 1, $4); }
  | LOSS NAME OVER refs                     { MUST_BE($2, "bulk"); $$ = ast_node(p, AST_LOSS_BULK, @$, @1, "", 1, LIST(@4, $4)); }
  | setting
  | error                                   { $$ = ast_failed(p); }
    ;
decls:
    decl                                    { $$ = ast_list(p, $1); }
  | decls ',' decl                          { $$ = ast_append(p, $1, $3); }
    ;
decl:
    NAME                                    { $$ = ast_node(p, AST_DECL, @$, @1, $1->text, 2, NULL, NULL); }
  | NAME indices                            { $$ = ast_node(p, AST_DECL, @$, @1, $1->text, 2, LIST(@2, $2), NULL); }
  | NAME indices indices                    { $$ = ast_node(p, AST_DECL, @$, @1, $1->text, 2, LIST(@2, $2), LIST(@3, $3)); }
    ;
indices: '[' exprs ']'                      { $$ = $2; } ;
tick:   EACH NAME                           { MUST_BE($2, "tick"); $$ = ast_atom(p, AST_NAME, $2); } ;
chain:
    ref ARROW ref                           { $$ = ast_append(p, ast_list(p, $1), $3); }
  | chain ARROW ref                         { $$ = ast_append(p, $1, $3); }
    ;
tie:
    %empty                                  { $$ = NULL; }
  | '=' ref ARROW ref                       { $$ = ast_node(p, AST_TIE, @$, @2, "", 2, $2, $4); }
  | '=' NAME '(' ref ARROW ref ')'          { MUST_BE($2, "transpose"); $$ = ast_node(p, AST_TIE, @$, @2, $2->text, 2, $4, $6); }
    ;
init:
    %empty                                  { $$ = NULL; }
  | INIT expr                               { $$ = $2; }
    ;
marks:
    %empty                                  { $$ = ast_list(p, NULL); }
  | marks NAME                              { MUST_BE($2, "frozen", "hollow", "init", "for"); $$ = ast_append(p, $1, ast_atom(p, AST_NAME, $2)); }
    ;
family:
    %empty                                  { $$ = NULL; }
  | FOR NAME IN expr RANGE expr             { $$ = ast_node(p, AST_FAMILY, @$, @2, $2->text, 2, $4, $6); }
    ;
refs:
    ref                                     { $$ = ast_list(p, $1); }
  | refs ',' ref                            { $$ = ast_append(p, $1, $3); }
    ;
ref:
    NAME                                    { $$ = ast_atom(p, AST_NAME, $1); }
  | NAME '[' expr ']'                       { $$ = ast_node(p, AST_INDEX, @$, @1, $1->text, 1, $3); }
    ;

/* ---- data, ensemble, train, measure --------------------------------------------------------------------------------------- */
setting: SETTING expr                       { $$ = ast_node(p, AST_SETTING, @$, @1, $1->text, 1, $2); } ;
body_of_data:
    %empty                                  { $$ = ast_list(p, NULL); }
  | statement_of_data                       { $$ = ast_list(p, $1); }
  | body_of_data end statement_of_data      { $$ = ast_append(p, $1, $3); }
    ;
statement_of_data:
    TRAIN expr                              { $$ = ast_node(p, AST_SETTING, @$, @1, $1->text, 1, $2); }
  | ref '=' expr                            { $$ = ast_node(p, AST_BINDING, @$, @1, "", 2, $1, $3); }
  | setting
  | error                                   { $$ = ast_failed(p); }
    ;
body_of_ensemble:
    %empty                                  { $$ = ast_list(p, NULL); }
  | statement_of_ensemble                   { $$ = ast_list(p, $1); }
  | body_of_ensemble end statement_of_ensemble { $$ = ast_append(p, $1, $3); }
    ;
statement_of_ensemble:
    CLAMP refs                              { $$ = ast_node(p, AST_CLAMP, @$, @1, "", 1, LIST(@2, $2)); }
  | setting
  | error                                   { $$ = ast_failed(p); }
    ;
body_of_train:
    %empty                                  { $$ = ast_list(p, NULL); }
  | statement_of_train                      { $$ = ast_list(p, $1); }
  | body_of_train end statement_of_train    { $$ = ast_append(p, $1, $3); }
    ;
statement_of_train:
    setting
  | error                                   { $$ = ast_failed(p); }
    ;
when:
    %empty                                  { $$ = NULL; }
  | EVERY expr NAME                         { MUST_BE($3, "epoch", "epochs", "step", "steps"); $$ = ast_node(p, AST_WHEN, @$, @1, "every", 2, $2, ast_atom(p, AST_NAME, $3)); }
  | EVERY expr NAME NAME expr               { MUST_BE($3, "epoch", "epochs", "step", "steps"); MUST_BE($4, "from"); $$ = ast_node(p, AST_WHEN, @$, @1, "every", 3, $2, ast_atom(p, AST_NAME, $3), $5); }
  | expr NAME                               { MUST_BE($2, "times"); $$ = ast_node(p, AST_WHEN, @$, @2, "times", 2, $1, NULL); }
  | expr NAME NAME                          { MUST_BE($2, "times"); MUST_BE($3, "logarithmically"); $$ = ast_node(p, AST_WHEN, @$, @2, "times", 2, $1, ast_atom(p, AST_NAME, $3)); }
  | expr NAME NAME expr                     { MUST_BE($2, "times"); MUST_BE($3, "from"); $$ = ast_node(p, AST_WHEN, @$, @2, "times", 3, $1, NULL, $4); }
  | expr NAME NAME expr NAME                { MUST_BE($2, "times"); MUST_BE($3, "from"); MUST_BE($5, "logarithmically"); $$ = ast_node(p, AST_WHEN, @$, @2, "times", 3, $1, ast_atom(p, AST_NAME, $5), $4); }
  | AT NAME                                 { MUST_BE($2, "end"); $$ = ast_node(p, AST_WHEN, @$, @2, "end", 0); }
    ;
samples:
    %empty                                  { $$ = ast_append(p, ast_append(p, ast_list(p, NULL), NULL), NULL); }
  | number_of_samples                       { $$ = ast_append(p, ast_list(p, $1), NULL); }
  | number_of_samples OF NAME               { MUST_BE($3, "train", "test"); $$ = ast_append(p, ast_list(p, $1), ast_atom(p, AST_NAME, $3)); }
    ;
number_of_samples: ON expr NAME             { MUST_BE($3, "samples"); $$ = $2; } ;

/* ---- expressions ---------------------------------------------------------------------------------------------------------- */
names:
    NAME                                    { $$ = ast_list(p, ast_atom(p, AST_NAME, $1)); }
  | names ',' NAME                          { $$ = ast_append(p, $1, ast_atom(p, AST_NAME, $3)); }
    ;
exprs:
    expr                                    { $$ = ast_list(p, $1); }
  | exprs ',' expr                          { $$ = ast_append(p, $1, $3); }
    ;
comma:  %empty | ',' ;
expr:
    IF expr THEN expr ELSE expr             { $$ = ast_node(p, AST_IF, @$, @1, "", 3, $2, $4, $6); }
  | expr OR expr                            { $$ = BINARY("or"); }
  | expr AND expr                           { $$ = BINARY("and"); }
  | NOT expr                                { $$ = ast_node(p, AST_UNARY, @$, @1, "not", 1, $2); }
  | expr '<' expr                           { $$ = BINARY("<"); }
  | expr '>' expr                           { $$ = BINARY(">"); }
  | expr LE expr                            { $$ = BINARY("<="); }
  | expr GE expr                            { $$ = BINARY(">="); }
  | expr EQ expr                            { $$ = BINARY("=="); }
  | expr NE expr                            { $$ = BINARY("!="); }
  | expr '+' expr                           { $$ = BINARY("+"); }
  | expr '-' expr                           { $$ = BINARY("-"); }
  | expr '*' expr                           { $$ = BINARY("*"); }
  | expr '/' expr                           { $$ = BINARY("/"); }
  | '-' expr %prec NEGATION                 { $$ = ast_node(p, AST_UNARY, @$, @1, "-", 1, $2); }
  | expr '^' expr                           { $$ = BINARY("^"); }
  | atom
    ;
atom:
    NUMBER                                  { $$ = ast_atom(p, AST_NUMBER, $1); }
  | TEXT                                    { $$ = ast_atom(p, AST_TEXT, $1); }
  | TRUE                                    { $$ = ast_node(p, AST_TRUE, @$, @1, "", 0); }
  | FALSE                                   { $$ = ast_node(p, AST_FALSE, @$, @1, "", 0); }
  | NAME                                    { $$ = ast_atom(p, AST_NAME, $1); }
  | NAME '[' expr ']'                       { $$ = ast_node(p, AST_INDEX, @$, @1, $1->text, 1, $3); }
  | NAME '(' ')'                            { $$ = ast_node(p, AST_CALL, @$, @1, $1->text, 0); }
  | NAME '(' args comma ')'                 { $$ = ast_node_of(p, AST_CALL, @$, @1, $1->text, $3); }
  | '(' expr ')'                            { $$ = $2; $$->span = @$; }
    ;
args:
    arg                                     { $$ = ast_list(p, $1); }
  | args ',' arg                            { $$ = ast_append(p, $1, $3); }
    ;
arg:
    expr
  | expr ':' expr                           { $$ = ast_node(p, AST_PAIR, @$, @1, "", 2, $1, $3); }
  | expr RANGE expr                         { $$ = ast_node(p, AST_RANGE, @$, @1, "", 2, $1, $3); }
    ;
%%

/* The descriptions of all that would have fitted go to syntax.c. */
static int yyreport_syntax_error(const yypcontext_t *context, struct parser *p)
{
    yysymbol_kind_t expected[YYNTOKENS];
    const char *names[YYNTOKENS];
    int n = yypcontext_expected_tokens(context, expected, YYNTOKENS);
    for (int i = 0; i < n; i++) names[i] = yysymbol_name(expected[i]);
    syntax_error(p, *yypcontext_location(context), names, n > 0 ? (uint32_t)n : 0);
    return 0;
}

static void lang_error(struct span *span, struct parser *p, const char *message)
{
    (void)span, (void)message;
    syntax_too_deep(p);
}
