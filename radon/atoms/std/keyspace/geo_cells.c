/* geo_cells.c - cells, distances, and which cells cover a shape. All of it as Redis computes it, so that results come in
 * the same order. */
#include "geo.h"

#include "angles.h"

#define EARTH 6372797.560856 /* metres from the middle */

static double radians(double degrees) { return degrees * (PI / 180.0); }
static double degrees(double radians) { return radians / (PI / 180.0); }

/* ---- cells ---- */

static uint64_t spread(uint32_t number) {
    uint64_t bits = 0;
    for (int bit = 0; bit < 32; bit++) bits |= (uint64_t)(number >> bit & 1) << (2 * bit);
    return bits;
}

static uint32_t gathered(uint64_t bits) {
    uint32_t number = 0;
    for (int bit = 0; bit < 32; bit++) number |= (uint32_t)(bits >> (2 * bit) & 1) << bit;
    return number;
}

static uint32_t part_of(double offset, double range, int step) {
    double part = (offset + range) / (2 * range) * (double)((uint64_t)1 << step);
    return part > 0 ? (uint32_t)part : 0;
}

geo_cell geo_cell_at(geo_point at, int step, double latitude) {
    return (geo_cell){part_of(at.longitude, GEO_LONGITUDE, step), part_of(at.latitude, latitude, step), step};
}

static double edge_of(uint32_t part, double range, int step) {
    return -range + (double)part / (double)((uint64_t)1 << step) * (2 * range);
}

geo_box geo_cell_box(geo_cell it) {
    return (geo_box){
        edge_of(it.column, GEO_LONGITUDE, it.step), edge_of(it.row, GEO_LATITUDE, it.step),
        edge_of(it.column + 1, GEO_LONGITUDE, it.step), edge_of(it.row + 1, GEO_LATITUDE, it.step),
    };
}

geo_cell geo_cell_beside(geo_cell it, int columns, int rows) {
    uint32_t mask = ((uint32_t)1 << it.step) - 1;
    return (geo_cell){(it.column + (uint32_t)columns) & mask, (it.row + (uint32_t)rows) & mask, it.step};
}

uint64_t geo_cell_number(geo_cell it) { return spread(it.row) | spread(it.column) << 1; }

static double within(double value, double range) { return value > range ? range : value < -range ? -range : value; }

geo_point geo_point_of(double score) {
    uint64_t number = score >= 0x1p64 ? UINT64_MAX : score >= 0 ? (uint64_t)score : 0;
    geo_box box = geo_cell_box((geo_cell){gathered(number >> 1), gathered(number), GEO_STEPS});
    return (geo_point){within((box.west + box.east) / 2, GEO_LONGITUDE), within((box.south + box.north) / 2, GEO_LATITUDE)};
}

double geo_score_of(geo_point at) { return (double)geo_cell_number(geo_cell_at(at, GEO_STEPS, GEO_LATITUDE)); }

/* ---- distances ---- */

static double latitude_distance(double a, double b) { return EARTH * __builtin_fabs(radians(a) - radians(b)); }

double geo_distance(geo_point a, geo_point b) {
    double across = sine((radians(b.longitude) - radians(a.longitude)) / 2);
    if (across == 0) return latitude_distance(a.latitude, b.latitude);
    double north = radians(a.latitude), south = radians(b.latitude), along = sine((south - north) / 2);
    return 2 * EARTH * arc_sine(__builtin_sqrt(along * along + cosine(north) * cosine(south) * across * across));
}

bool geo_within(const geo_shape *shape, geo_point at, double *distance) {
    geo_point centre = shape->centre;
    if (shape->is_box) {
        if (latitude_distance(at.latitude, centre.latitude) > shape->height * shape->unit / 2) return false;
        geo_point beside = {centre.longitude, at.latitude};
        if (geo_distance(at, beside) > shape->width * shape->unit / 2) return false;
    }
    *distance = geo_distance(centre, at);
    return shape->is_box || *distance <= shape->radius * shape->unit;
}

/* ---- covering ---- */

/* The box around the shape. */
static geo_box box_around(const geo_shape *shape) {
    double height = shape->unit * (shape->is_box ? shape->height / 2 : shape->radius);
    double width = shape->unit * (shape->is_box ? shape->width / 2 : shape->radius);
    double longitude = shape->centre.longitude, latitude = shape->centre.latitude;
    double up = degrees(height / EARTH);
    double towards_pole = latitude < 0 ? latitude - up : latitude + up;
    double aside = degrees(width / EARTH / cosine(radians(towards_pole)));
    return (geo_box){longitude - aside, latitude - up, longitude + aside, latitude + up};
}

#define MERCATOR 20037726.37 /* half of the equator, in metres */

/* The finest grid in which a cell and those around it cover so many metres around, for the most part. */
static int step_for(double radius, double latitude) {
    int step = 1;
    if (radius == 0) return GEO_STEPS;
    for (; radius < MERCATOR; radius *= 2) step++;
    step -= 2;
    if (latitude > 66 || latitude < -66) step--;
    if (latitude > 80 || latitude < -80) step--;
    return step < 1 ? 1 : step > GEO_STEPS ? GEO_STEPS : step;
}

/* Do the cells around this one reach so far? */
static bool reach(geo_cell it, geo_box bounds) {
    return geo_cell_box(geo_cell_beside(it, 0, 1)).north >= bounds.north &&
           geo_cell_box(geo_cell_beside(it, 0, -1)).south <= bounds.south &&
           geo_cell_box(geo_cell_beside(it, 1, 0)).east >= bounds.east &&
           geo_cell_box(geo_cell_beside(it, -1, 0)).west <= bounds.west;
}

size_t geo_cover(const geo_shape *shape, geo_cell cells[9]) {
    static const struct {
        int8_t column, row;
    } around[9] = {{0, 0}, {0, 1}, {0, -1}, {1, 0}, {-1, 0}, {1, 1}, {-1, 1}, {1, -1}, {-1, -1}};
    double width = shape->width / 2, height = shape->height / 2;
    double radius = shape->unit * (shape->is_box ? __builtin_sqrt(width * width + height * height) : shape->radius);
    int step = step_for(radius, shape->centre.latitude);
    geo_cell centre = geo_cell_at(shape->centre, step, GEO_LATITUDE);
    geo_box bounds = box_around(shape);
    if (step > 1 && !reach(centre, bounds)) centre = geo_cell_at(shape->centre, --step, GEO_LATITUDE);
    geo_box box = geo_cell_box(centre);
    size_t count = 0;
    for (int index = 0; index < 9; index++) {
        int column = around[index].column, row = around[index].row;
        bool beyond = (row < 0 && box.south < bounds.south) || (row > 0 && box.north > bounds.north) ||
                      (column < 0 && box.west < bounds.west) || (column > 0 && box.east > bounds.east);
        if (step >= 2 && beyond) continue;
        geo_cell it = geo_cell_beside(centre, column, row);
        bool again = count > 0 && geo_cell_number(it) == geo_cell_number(cells[count - 1]);
        if (!again) cells[count++] = it; /* in a grid of 2 by 2 a cell has the same one on both sides */
    }
    return count;
}
