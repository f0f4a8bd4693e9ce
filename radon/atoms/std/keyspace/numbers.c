/* numbers.c - conversions with integers of any length, so that they are exact and the same everywhere. */
#include "numbers.h"

/* ---- natural numbers ---- */

typedef struct {
    uint32_t *limbs; /* the lowest first, in the turn's memory; none of them above `len` is 0 */
    size_t len, room;
} natural;

static natural natural_of(uint64_t number, size_t room) {
    natural it = {radon_alloc(room * sizeof(uint32_t)), 0, room};
    for (; number != 0; number >>= 32) it.limbs[it.len++] = (uint32_t)number;
    return it;
}

/* it * factor + more */
static void scale(natural *it, uint32_t factor, uint32_t more) {
    uint64_t carry = more;
    for (size_t index = 0; index < it->len; index++) {
        carry += (uint64_t)it->limbs[index] * factor;
        it->limbs[index] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry != 0) it->limbs[it->len++] = (uint32_t)carry;
}

static void scale_by_power(natural *it, uint32_t base, size_t power) {
    for (; power >= 8; power -= 8) scale(it, base * base * base * base * base * base * base * base, 0);
    for (; power > 0; power--) scale(it, base, 0);
}

static void shift(natural *it, size_t bits) {
    size_t limbs = bits / 32;
    if (it->len == 0) return;
    scale(it, (uint32_t)1 << bits % 32, 0);
    memmove(it->limbs + limbs, it->limbs, it->len * sizeof(uint32_t));
    memset(it->limbs, 0, limbs * sizeof(uint32_t));
    it->len += limbs;
}

/* Answers what is left. */
static uint32_t divide(natural *it, uint32_t by) {
    uint64_t rest = 0;
    for (size_t index = it->len; index > 0; index--) {
        rest = rest << 32 | it->limbs[index - 1];
        it->limbs[index - 1] = (uint32_t)(rest / by);
        rest %= by;
    }
    while (it->len > 0 && it->limbs[it->len - 1] == 0) it->len--;
    return (uint32_t)rest;
}

static int compare(const natural *a, const natural *b) {
    if (a->len != b->len) return a->len < b->len ? -1 : 1;
    for (size_t index = a->len; index > 0; index--)
        if (a->limbs[index - 1] != b->limbs[index - 1]) return a->limbs[index - 1] < b->limbs[index - 1] ? -1 : 1;
    return 0;
}

/* From what is not less. */
static void subtract(natural *from, const natural *it) {
    int64_t borrow = 0;
    for (size_t index = 0; index < from->len; index++) {
        borrow += (int64_t)from->limbs[index] - (index < it->len ? it->limbs[index] : 0);
        from->limbs[index] = (uint32_t)borrow;
        borrow >>= 32;
    }
    while (from->len > 0 && from->limbs[from->len - 1] == 0) from->len--;
}

static size_t bits_of(const natural *it) {
    return it->len == 0 ? 0 : it->len * 32 - (size_t)__builtin_clz(it->limbs[it->len - 1]);
}

/* ---- reading ---- */

typedef struct {
    bool negative, infinite;
    radon_bytes digits; /* without zeros before them, and without the point */
    int64_t exponent;   /* the number is digits * 10^exponent */
} decimal;

static uint8_t lower(uint8_t letter) { return letter >= 'A' && letter <= 'Z' ? letter | 32 : letter; }

static bool is_infinity(radon_bytes text) {
    static const char word[] = "infinity";
    if (text.len != 3 && text.len != 8) return false;
    for (size_t index = 0; index < text.len; index++)
        if (lower(text.data[index]) != (uint8_t)word[index]) return false;
    return true;
}

static bool is_digit(uint8_t byte) { return byte >= '0' && byte <= '9'; }

/* The exponent behind an 'e', which may be far out of any range. */
static bool read_exponent(radon_bytes text, int64_t *out) {
    bool negative = text.len > 0 && text.data[0] == '-';
    if (text.len > 0 && (negative || text.data[0] == '+')) text = radon_slice(text, 1, text.len);
    *out = 0;
    for (size_t index = 0; index < text.len; index++) {
        if (!is_digit(text.data[index])) return false;
        if (*out < 1000000) *out = *out * 10 + (text.data[index] - '0');
    }
    if (negative) *out = -*out;
    return text.len > 0;
}

#define LONGEST 5119 /* bytes that Redis reads a number from */

static bool read_decimal(radon_bytes text, decimal *out) {
    radon_buffer digits = {0};
    bool some = false, point = false;
    size_t at = 0;
    *out = (decimal){.negative = text.len > 0 && text.data[0] == '-'};
    if (text.len > LONGEST) return false;
    if (text.len > 0 && (out->negative || text.data[0] == '+')) text = radon_slice(text, 1, text.len);
    out->infinite = is_infinity(text);
    if (out->infinite) return true;
    for (; at < text.len; at++) {
        uint8_t byte = text.data[at];
        if (byte == '.' && !point) {
            point = true;
        } else if (is_digit(byte)) {
            some = true;
            if (digits.len > 0 || byte != '0') radon_buffer_add_byte(&digits, byte);
            if (point) out->exponent--;
        } else {
            break;
        }
    }
    if (at < text.len) {
        int64_t exponent;
        if (lower(text.data[at]) != 'e' || !read_exponent(radon_slice(text, at + 1, text.len), &exponent)) return false;
        out->exponent += exponent;
    }
    while (digits.len > 0 && digits.data[digits.len - 1] == '0') {
        digits.len--;
        out->exponent++;
    }
    out->digits = radon_buffer_bytes(&digits);
    return some;
}

/* The nearest mantissa * 2^exponent of so many bits, with an exponent of at least `lowest`. The digits are some. */
static uint64_t nearest(const decimal *it, int bits, int32_t lowest, int32_t *exponent) {
    size_t ten = (size_t)(it->exponent < 0 ? -it->exponent : it->exponent);
    size_t room = (it->digits.len + ten) / 8 + 8; /* a limb has more than 8 digits and the rest is for shifts */
    natural above = natural_of(0, 2 * room + 8), below = natural_of(1, 2 * room + 8);
    for (size_t index = 0; index < it->digits.len; index++) scale(&above, 10, (uint32_t)(it->digits.data[index] - '0'));
    scale_by_power(it->exponent < 0 ? &below : &above, 10, ten);
    int64_t difference = (int64_t)bits_of(&above) - (int64_t)bits_of(&below);
    shift(difference < 0 ? &above : &below, (size_t)(difference < 0 ? -difference : difference));
    if (compare(&above, &below) < 0) {
        shift(&above, 1);
        difference--;
    }
    int64_t last = difference - bits + 1; /* the exponent of the last bit */
    if (last < lowest) {
        bits -= (int)(lowest - last < bits + 2 ? lowest - last : bits + 2);
        last = lowest;
    }
    *exponent = (int32_t)last;
    if (bits < 0) return 0;
    uint64_t mantissa = 0;
    for (int bit = 0; bit < bits; bit++) {
        bool one = compare(&above, &below) >= 0;
        if (one) subtract(&above, &below);
        mantissa = mantissa << 1 | one;
        shift(&above, 1);
    }
    int rest = compare(&above, &below);
    bool up = rest > 0 || (rest == 0 && mantissa & 1);
    if (up && mantissa == UINT64_MAX) {
        ++*exponent;
        return (uint64_t)1 << 63;
    }
    return mantissa + up;
}

bool read_double(radon_bytes text, double *out) {
    decimal it;
    int32_t exponent;
    union {
        uint64_t bits;
        double number;
    } made = {.bits = 0};
    if (!read_decimal(text, &it)) return false;
    int64_t magnitude = (int64_t)it.digits.len + it.exponent; /* it is below 10^magnitude */
    if (it.infinite) {
        made.bits = (uint64_t)0x7ff << 52;
    } else if (it.digits.len > 0) {
        if (magnitude > 310 || magnitude < -330) return false;
        uint64_t mantissa = nearest(&it, 53, -1074, &exponent);
        if (mantissa >> 53 != 0) {
            mantissa >>= 1;
            exponent++;
        }
        if (mantissa == 0 || exponent > 971) return false;
        bool normal = mantissa >> 52 != 0;
        made.bits = (mantissa & (((uint64_t)1 << 52) - 1)) | (uint64_t)(normal ? exponent + 1075 : 0) << 52;
    }
    made.bits |= (uint64_t)it.negative << 63;
    *out = made.number;
    return true;
}

#define WIDE_LOWEST (-16445) /* the exponent of the smallest long double */
#define WIDE_HIGHEST 16320

bool read_wide(radon_bytes text, wide *out) {
    decimal it;
    if (!read_decimal(text, &it)) return false;
    int64_t magnitude = (int64_t)it.digits.len + it.exponent;
    *out = (wide){.negative = it.negative, .infinite = it.infinite};
    if (it.infinite || it.digits.len == 0) return true;
    if (magnitude > 4935 || magnitude < -4955) return false;
    out->mantissa = nearest(&it, 64, WIDE_LOWEST, &out->exponent);
    if (out->mantissa == 0 || out->exponent > WIDE_HIGHEST) return false;
    int free = __builtin_clzll(out->mantissa);
    out->mantissa <<= free;
    out->exponent -= free;
    return true;
}

/* ---- adding ---- */

static wide rounded(bool negative, unsigned __int128 sum, int32_t exponent) {
    uint64_t high = (uint64_t)(sum >> 64), low = (uint64_t)sum;
    if (sum == 0) return (wide){0};
    int free = high != 0 ? __builtin_clzll(high) : 64 + __builtin_clzll(low);
    sum <<= free;
    high = (uint64_t)(sum >> 64);
    low = (uint64_t)sum;
    exponent += 64 - free;
    const uint64_t half = (uint64_t)1 << 63;
    if (low > half || (low == half && high & 1)) high++;
    if (high == 0) {
        high = half;
        exponent++;
    }
    return (wide){negative, exponent > WIDE_HIGHEST, high, exponent};
}

wide add_wide(wide a, wide b) {
    if (a.infinite || b.infinite) return a.infinite ? a : b;
    if (a.mantissa == 0 || b.mantissa == 0) return a.mantissa == 0 ? b : a;
    if (a.exponent < b.exponent || (a.exponent == b.exponent && a.mantissa < b.mantissa)) {
        wide swapped = a;
        a = b;
        b = swapped;
    }
    int32_t apart = a.exponent - b.exponent;
    unsigned __int128 more = (unsigned __int128)a.mantissa << 62, less = (unsigned __int128)b.mantissa << 62;
    unsigned __int128 shifted = apart < 128 ? less >> apart : 0;
    bool lost = apart >= 128 || shifted << apart != less; /* it only matters that there is something */
    unsigned __int128 sum = a.negative == b.negative ? more + shifted + lost : more - shifted - lost;
    return rounded(a.negative, sum | lost, a.exponent - 62);
}

/* ---- writing ---- */

/* All digits of mantissa * 2^exponent, which is not 0; `*behind` of them stand behind the point. */
static radon_bytes digits_of(uint64_t mantissa, int32_t exponent, size_t *behind) {
    int even = __builtin_ctzll(mantissa);
    mantissa >>= even;
    exponent += even;
    *behind = exponent < 0 ? (size_t)-exponent : 0;
    natural it = natural_of(mantissa, (size_t)(exponent < 0 ? -exponent * 3 : exponent) / 32 + 8);
    if (exponent < 0) {
        scale_by_power(&it, 5, *behind); /* over 10^behind */
    } else {
        shift(&it, (size_t)exponent);
    }
    size_t room = it.len * 10 + 9, start = room; /* nine digits at once, and less than ten of each limb */
    uint8_t *text = radon_alloc(room);
    while (it.len > 0) {
        uint32_t part = divide(&it, 1000000000);
        for (int digit = 0; digit < 9; digit++, part /= 10) text[--start] = (uint8_t)('0' + part % 10);
    }
    while (text[start] == '0') start++;
    return (radon_bytes){text + start, room - start};
}

/* Rounds to the first `keep` of the digits. True where that made one more of them: a 1 with zeros. */
static bool round_digits(uint8_t *digits, size_t len, size_t keep) {
    if (keep >= len) return false;
    bool half = digits[keep] == '5', more = false;
    for (size_t index = keep + 1; index < len; index++) more |= digits[index] != '0';
    bool odd = keep > 0 && (digits[keep - 1] - '0') % 2 != 0;
    if (digits[keep] < '5' || (half && !more && !odd)) return false;
    size_t at = keep;
    while (at > 0 && digits[at - 1] == '9') digits[--at] = '0';
    if (at > 0) {
        digits[at - 1]++;
        return false;
    }
    return true;
}

static void add_zeros(radon_buffer *to, size_t count) { memset(radon_buffer_extend(to, count), '0', count); }

/* Digits with the point behind the first `before` of them, which may be below 0, and without zeros at the end. */
static void add_point(radon_buffer *to, radon_bytes digits, int64_t before) {
    while (digits.len > 0 && digits.data[digits.len - 1] == '0') digits.len--;
    if (before <= 0) {
        radon_buffer_add_byte(to, '0');
        if (digits.len == 0) return;
        radon_buffer_add_byte(to, '.');
        add_zeros(to, (size_t)-before);
        return radon_buffer_add(to, digits);
    }
    size_t whole = (size_t)before;
    radon_buffer_add(to, radon_slice(digits, 0, whole));
    if (digits.len < whole) add_zeros(to, whole - digits.len);
    if (digits.len <= whole) return;
    radon_buffer_add_byte(to, '.');
    radon_buffer_add(to, radon_slice(digits, whole, digits.len));
}

/* Digits behind a 0 that is cut off where rounding did not need it. */
static radon_bytes rounded_to(radon_bytes digits, int64_t keep, int64_t *before) {
    radon_buffer text = {0};
    radon_buffer_add_byte(&text, '0');
    radon_buffer_add(&text, digits);
    if (keep < 0) return (radon_bytes){0};
    if (round_digits(text.data + 1, digits.len, (size_t)keep)) {
        text.data[0] = '1';
        ++*before;
        return radon_slice(radon_buffer_bytes(&text), 0, (size_t)keep + 1);
    }
    return radon_slice(radon_buffer_bytes(&text), 1, 1 + (size_t)keep);
}

#define PRECISION 17

radon_bytes format_double(double number) {
    union {
        double number;
        uint64_t bits;
    } it = {number};
    radon_buffer text = {0};
    size_t behind;
    int32_t exponent = (int32_t)(it.bits >> 52 & 0x7ff);
    uint64_t mantissa = it.bits & (((uint64_t)1 << 52) - 1);
    if (it.bits >> 63) radon_buffer_add_byte(&text, '-');
    if (exponent == 0x7ff) {
        radon_buffer_add_text(&text, mantissa != 0 ? "nan" : "inf");
        return radon_buffer_bytes(&text);
    }
    if (exponent != 0) mantissa |= (uint64_t)1 << 52;
    if (mantissa == 0) {
        radon_buffer_add_byte(&text, '0');
        return radon_buffer_bytes(&text);
    }
    radon_bytes digits = digits_of(mantissa, (exponent == 0 ? 1 : exponent) - 1075, &behind);
    int64_t before = (int64_t)digits.len - (int64_t)behind;
    digits = rounded_to(digits, PRECISION, &before);
    if (before > -4 && before <= PRECISION) {
        add_point(&text, digits, before);
        return radon_buffer_bytes(&text);
    }
    add_point(&text, digits, 1);
    int64_t power = before - 1;
    radon_buffer_add_text(&text, power < 0 ? "e-" : "e+");
    if (power < 0) power = -power;
    if (power < 10) radon_buffer_add_byte(&text, '0');
    radon_buffer_add_u64(&text, (uint64_t)power);
    return radon_buffer_bytes(&text);
}

radon_bytes format_wide(wide number) {
    radon_buffer text = {0};
    size_t behind;
    if (number.mantissa == 0) return radon_text("0");
    radon_bytes digits = digits_of(number.mantissa, number.exponent, &behind);
    int64_t before = (int64_t)digits.len - (int64_t)behind;
    digits = rounded_to(digits, before + PRECISION, &before);
    bool zero = true;
    for (size_t index = 0; index < digits.len; index++) zero &= digits.data[index] == '0';
    if (zero) return radon_text("0");
    if (number.negative) radon_buffer_add_byte(&text, '-');
    add_point(&text, digits, before);
    return radon_buffer_bytes(&text);
}
