/* manifest.c: run.json and the summary line, as JSON. */
#include "compiler/driver/manifest.h"

#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "compiler/driver/septuple.h"
#include "runtime/base/file.h"

enum { MOST_MANIFEST_BYTES = 64 << 20 };

/* ---- writing ---- */

/* JSON is UTF-8: in a path that is not, a question mark stands for each byte that is not ASCII. */
static json_t *json_text(const char *text)
{
    json_t *json = json_string(text);
    if (json) return json;
    char *plain = strdup(text);
    for (char *c = plain; c && *c; c++)
        if (*c & 0x80) *c = '?';
    json = json_string(plain ? plain : "");
    free(plain);
    return json;
}

static json_t *settings_json(const struct options *o)
{
    json_t *settings = json_object();
    for (uint32_t i = 0; i < o->n_settings; i++)
        json_object_set_new(settings, o->setting[i].name, json_text(o->setting[i].value));
    return settings;
}

static void read_cpu(char out[128])
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "r");
    snprintf(out, 128, "unknown");
    while (file && fgets(line, sizeof line, file)) {
        char *value = strchr(line, ':');
        if (strncmp(line, "model name", 10) || !value) continue;
        line[strcspn(line, "\n")] = 0;
        snprintf(out, 128, "%s", value + 2);
        break;
    }
    if (file) fclose(file);
}

static json_t *machine_json(void)
{
    struct utsname name = {0};
    char cpu[128];
    uname(&name);
    read_cpu(cpu);
    return json_pack("{s:s,s:s,s:s,s:s,s:i}", "system", name.sysname, "architecture", name.machine, "cpu", cpu,
                     "openblas_core", products_core(), "threads", 1);
}

/* When the run began. */
static json_t *now_json(void)
{
    char text[32] = "";
    time_t now = time(NULL);
    struct tm utc;
    if (gmtime_r(&now, &utc)) strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &utc);
    return json_string(text);
}

static json_t *septuple_json(const struct model *model)
{
    struct text text = {0};
    septuple_network(model, &text);
    json_t *json = json_text(text.data);
    text_fini(&text);
    return json;
}

static json_t *absolute(const char *path)
{
    char real[PATH_MAX];
    return json_text(realpath(path, real) ? real : path);
}

const char *manifest_text(struct session *session, const struct model *model, const struct ast_source *source,
                          const struct times *times)
{
    const struct options *o = &session->options;
    json_t *run = json_object();
    json_object_set_new(run, "nnt", json_string(NNT_VERSION));
    json_object_set_new(run, "network", json_string(model->name));
    json_object_set_new(run, "began", now_json());
    json_object_set_new(run, "command", json_text(o->line));
    json_object_set_new(run, "file", absolute(source->path));
    json_object_set_new(run, "settings", settings_json(o));
    if (o->given[OPTION_data] || !strcmp(o->file[0].text, "-"))
        json_object_set_new(run, "data", absolute(model->data.folder));
    json_object_set_new(run, "seed", json_integer((json_int_t)model->train.seed));
    json_object_set_new(run, "precision", json_string(o->real_bytes == 4 ? "f32" : "f64"));
    json_object_set_new(run, "engine", json_string(o->interpreter ? "interp" : "jit"));
    json_object_set_new(run, "parameters", json_integer((json_int_t)model_trainables(model)));
    json_object_set_new(run, "machine", machine_json());
    json_object_set_new(run, "compile_seconds", json_real(times->passes + times->codegen));
    json_object_set_new(run, "septuple", septuple_json(model));
    json_object_set_new(run, "source", json_stringn(source->text, source->length));
    char *text = json_dumps(run, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    json_decref(run);
    const char *kept = text ? arena_printf(session->arena, "%s\n", text) : "{}\n";
    free(text);
    return kept;
}

/* ---- reading ---- */

static const char *string_of(struct session *session, const json_t *run, const char *key)
{
    const char *text = json_string_value(json_object_get(run, key));
    return text ? arena_text(session->arena, text, strlen(text)) : NULL;
}

static bool is_set(const struct options *o, const char *name)
{
    for (uint32_t i = 0; i < o->n_settings; i++)
        if (!strcmp(o->setting[i].name, name)) return true;
    return false;
}

/* The run's own settings, but for those given anew. */
static void take_settings(struct session *session, const json_t *settings)
{
    struct options *o = &session->options;
    struct setting *all =
        arena_alloc(session->arena, (o->n_settings + json_object_size(settings) + 1) * sizeof *all);
    uint32_t n = 0;
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)settings, name, value)
    {
        const char *text = json_string_value(value);
        if (!text || is_set(o, name)) continue;
        all[n++] = (struct setting){arena_text(session->arena, name, strlen(name)),
                                    arena_text(session->arena, text, strlen(text))};
    }
    for (uint32_t i = 0; i < o->n_settings; i++) all[n++] = o->setting[i];
    o->setting = all;
    o->n_settings = n;
}

static void take_options(struct session *session, const json_t *run)
{
    struct options *o = &session->options;
    const char *data = string_of(session, run, "data"), *precision = string_of(session, run, "precision");
    const char *engine = string_of(session, run, "engine");
    if (!o->given[OPTION_data] && data) {
        o->given[OPTION_data] = true;
        o->value[OPTION_data] = (struct operand_text){data, o->value[OPTION_resume].at};
    }
    if (!o->given[OPTION_precision] && precision) o->real_bytes = strcmp(precision, "f64") ? 4 : 8;
    if (!o->given[OPTION_engine] && engine) o->interpreter = !strcmp(engine, "interp");
    if (!o->given[OPTION_seed] && json_is_integer(json_object_get(run, "seed"))) {
        o->given[OPTION_seed] = true;
        o->seed = (uint64_t)json_integer_value(json_object_get(run, "seed"));
    }
    take_settings(session, json_object_get(run, "settings"));
}

bool manifest_resume(struct session *session)
{
    struct options *o = &session->options;
    struct operand_text resume = o->value[OPTION_resume];
    size_t length;
    char *path = file_join(resume.text, "run.json");
    char *text = file_read(session->diag, resume.at, path, MOST_MANIFEST_BYTES, &length);
    free(path);
    if (!text) return false;
    json_t *run = json_loadb(text, length, 0, NULL);
    free(text);
    const char *file = run ? string_of(session, run, "file") : NULL;
    const char *source = run ? string_of(session, run, "source") : NULL;
    if (!file || !source) {
        diag_input(session->diag, resume.at, "bad-run", "'%s' holds no run.json of a run", resume.text);
        json_decref(run);
        return false;
    }
    if (!o->n_files) {
        o->file[o->n_files++] = (struct operand_text){file, resume.at};
        session->kept = source;
    }
    take_options(session, run);
    json_decref(run);
    return true;
}

/* ---- the summary ---- */

static void add_number(struct text *line, const char *key, double value)
{
    char number[32];
    text_number(value, number);
    text_add(line, "%s\"%s\": %s", line->data[line->length - 1] == '{' ? "" : ", ", key, number);
}

static void add_split(struct text *line, const struct moment *moment)
{
    text_add(line, "\"%s\": {", moment->test ? "test" : "train");
    record_readings(moment, line);
    text_add(line, "}, ");
}

static void add_seconds(struct text *line, const struct summary *s)
{
    text_add(line, "\"seconds\": {");
    add_number(line, "parse", s->times.parse);
    add_number(line, "check", s->times.check);
    add_number(line, "passes", s->times.passes);
    add_number(line, "codegen", s->times.codegen);
    add_number(line, "first_step", s->first_step);
    add_number(line, "train", s->train);
    add_number(line, "measure", s->measure);
    add_number(line, "data", s->data);
    add_number(line, "total", s->total);
    text_add(line, "}");
}

void summary_print(const struct summary *s)
{
    struct text line = {0};
    json_t *folder = json_text(s->folder);
    char *quoted = json_dumps(folder, JSON_ENCODE_ANY);
    text_add(&line, "{\"summary\": {");
    for (uint32_t i = 0; i < 2; i++)
        if (s->moment[i].n) add_split(&line, &s->moment[i]);
    add_seconds(&line, s);
    add_number(&line, "steps", (double)s->steps);
    add_number(&line, "parameters", (double)s->parameters);
    if (s->laws) text_add(&line, ", %s", s->laws);
    text_add(&line, ", \"run\": %s}}", quoted ? quoted : "\"\"");
    puts(line.data);
    free(quoted);
    json_decref(folder);
    text_fini(&line);
}
