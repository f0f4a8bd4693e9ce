/* geo.h - places on earth: a sorted set whose scores are cells of the finest grid.
 *
 * A grid of step s cuts the earth into 2^s by 2^s cells of the same size in degrees. The number of a cell has the bits of
 * its column and its row by turns, so that the cells of a finer grid within one cell have numbers one behind the other.
 */
#ifndef GEO_H
#define GEO_H

#include "zsets_ranges.h"

#define GEO_STEPS 26 /* of the finest grid: a number has 52 bits, and a double has room for it */
#define GEO_LONGITUDE 180.0
#define GEO_LATITUDE 85.05112878 /* where the map of the world of Mercator's is a square */

typedef struct {
    double longitude, latitude;
} geo_point;

typedef struct {
    uint32_t column, row;
    int step;
} geo_cell;

typedef struct {
    double west, south, east, north;
} geo_box;

/* `latitude`: how far the grid goes north and south. */
geo_cell geo_cell_at(geo_point at, int step, double latitude);
geo_box geo_cell_box(geo_cell cell);

/* So many columns east and rows north of it, all around the world. */
geo_cell geo_cell_beside(geo_cell cell, int columns, int rows);

uint64_t geo_cell_number(geo_cell cell);

/* Where a score says that it is: the middle of its cell. */
geo_point geo_point_of(double score);
double geo_score_of(geo_point at);

/* In metres, on a ball. */
double geo_distance(geo_point a, geo_point b);

/* What a search goes by: a circle, or a box with these sides. */
typedef struct {
    geo_point centre;
    bool is_box;
    double radius, width, height; /* in units of `unit` metres */
    double unit;
} geo_shape;

/* Is it within the shape, and how many metres from its centre? */
bool geo_within(const geo_shape *shape, geo_point at, double *distance);

/* Cells that together cover the shape, at most 9: the one of the centre first. */
size_t geo_cover(const geo_shape *shape, geo_cell cells[9]);

/* ---- arguments and replies ---- */

kv_status call_point(call *c, size_t index, geo_point *out);

/* Metres in a unit. */
kv_status call_unit(call *c, size_t index, double *out);

void reply_point(replies *to, geo_point at);
void reply_distance(replies *to, double distance);

#endif
