/* The activations of a stack of networks, one after the other, each annealed as
   far as it is. Plain loops of single operations: built without contraction, an
   element gets the same bits wherever it stands. */

typedef void (*kernel)(const float *x, const float *const *p, long rows, long n,
                       float *y, float *d, long stride);

enum { EARLY, BLEND, LATE, SHARPEN };

/* A function, its parameters, where their gradients go, and which are per channel. */
struct function {
    kernel run; /* NULL: the table */
    long parameters;
    const float *const *values;
    float *const *gradients;
    const long *per_channel;
};

struct job {
    long mode;
    float g;
    struct function early, late;
    const float *intercepts, *slopes; /* a piecewise linear table, by cells */
    float first, density, last;       /* cell of x: first + density * x, at most last */
    long offset;                      /* of its derivatives, in slices */
};

static void look_up(const struct job *job, const float *x, long size, float *y, float *d) {
    for (long i = 0; i < size; i++) {
        float cell = job->first + job->density * x[i];
        cell = cell > 0.0f ? cell : 0.0f; /* NaN too */
        cell = cell < job->last ? cell : job->last;
        const int at = (int)cell;
        y[i] = job->intercepts[at] + job->slopes[at] * x[i];
        d[i] = job->slopes[at];
    }
}

static void run_early(const struct job *job, const float *x, long rows, long n, float *y, float *d) {
    if (job->early.run) job->early.run(x, job->early.values, rows, n, y, d, rows * n);
    else look_up(job, x, rows * n, y, d);
}

static void scale(float *values, float by, long size) {
    for (long i = 0; i < size; i++) values[i] = by * values[i];
}

/* values = (1 - g) values + g other */
static void mix(float *restrict values, const float *restrict other, float g, long size) {
    const float rest = 1.0f - g;
    for (long i = 0; i < size; i++) values[i] = rest * values[i] + g * other[i];
}

/* d: dy/dx, dy/d early parameters, dy/dx of late, dy/d late parameters */
static void blend(const struct job *job, const float *x, long rows, long n, float *y, float *d,
                  float *scratch) {
    const long size = rows * n, before = 1 + job->early.parameters;
    float *late = d + before * size;
    run_early(job, x, rows, n, y, d);
    job->late.run(x, job->late.values, rows, n, scratch, late, size);
    mix(y, scratch, job->g, size);
    mix(d, late, job->g, size);
    scale(d + size, 1.0f - job->g, job->early.parameters * size);
    scale(late + size, job->g, job->late.parameters * size);
}

static void sharpen(const struct job *job, const float *x, long rows, long n, float *y, float *d,
                    float *scratch) {
    const long size = rows * n;
    for (long i = 0; i < size; i++) scratch[i] = x[i] / job->g;
    job->late.run(scratch, job->late.values, rows, n, y, d, size);
    scale(y, job->g, size);
    scale(d + size, job->g, job->late.parameters * size);
}

/* Without d derivatives are computed too, and left behind in scratch: functions are
   compiled once. */
void bank_forward(const struct job *jobs, long count, const float *x, long rows, long n, float *y,
                  float *d, float *scratch) {
    const long size = rows * n;
    for (long k = 0; k < count; k++, x += size, y += size) {
        const struct job *job = jobs + k;
        float *its = d ? d + job->offset * size : scratch + size;
        if (job->mode == EARLY) run_early(job, x, rows, n, y, its);
        else if (job->mode == LATE) job->late.run(x, job->late.values, rows, n, y, its, size);
        else if (job->mode == BLEND) blend(job, x, rows, n, y, its, scratch);
        else sharpen(job, x, rows, n, y, its, scratch);
    }
}

static void add_of_channels(const float *g, const float *d, long rows, long n, float *sums) {
    for (long r = 0; r < rows; r++)
        for (long c = 0; c < n; c++) sums[c] += g[r * n + c] * d[r * n + c];
}

static void add_of_layer(const float *g, const float *d, long size, float *sum) {
    double lanes[16] = {0};
    long i = 0;
    for (; i + 16 <= size; i += 16)
        for (int lane = 0; lane < 16; lane++) lanes[lane] += (double)(g[i + lane] * d[i + lane]);
    for (; i < size; i++) lanes[0] += (double)(g[i] * d[i]);
    double total = 0.0;
    for (int lane = 0; lane < 16; lane++) total += lanes[lane];
    *sum += (float)total;
}

static void pull(const struct function *function, const float *g, const float *d, long rows,
                 long n) {
    for (long j = 0; j < function->parameters; j++, d += rows * n) {
        if (function->per_channel[j]) add_of_channels(g, d, rows, n, function->gradients[j]);
        else add_of_layer(g, d, rows * n, function->gradients[j]);
    }
}

void bank_backward(const struct job *jobs, long count, const float *g, long rows, long n,
                   const float *d, float *gx) {
    const long size = rows * n;
    for (long k = 0; k < count; k++, g += size, gx += size) {
        const struct job *job = jobs + k;
        const float *its = d + job->offset * size;
        for (long i = 0; i < size; i++) gx[i] = g[i] * its[i];
        if (job->mode == EARLY || job->mode == BLEND) pull(&job->early, g, its + size, rows, n);
        if (job->mode == LATE || job->mode == SHARPEN) pull(&job->late, g, its + size, rows, n);
        if (job->mode == BLEND)
            pull(&job->late, g, its + (2 + job->early.parameters) * size, rows, n);
    }
}
