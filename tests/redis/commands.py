"""Commands as Hypothesis draws them: of few keys, with arguments at the edges, a few of them wrong."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.redis.keyspaces import Word

KEYS = st.sampled_from(["a", "b", "c", "{x}", ""])
FIELDS = st.sampled_from(["f", "g", "h", "", "1"])
NUMBERS = st.sampled_from(
    ["0", "1", "-1", "2", "3", "-2", "10", "-100", "007", "+1", " 1", "", "x", "1.5", "9223372036854775807",
     "-9223372036854775808", "9223372036854775808", "-9223372036854775807"]
)  # fmt: skip
SMALL = st.sampled_from(["0", "1", "2", "3", "-1", "-2", "-3", "x", "100"])
PATTERNS = st.sampled_from(["*", "f", "[fg]"])
COUNTS = st.sampled_from(["0", "1", "2", "5", "-1", "x"])
FLOATS = st.sampled_from(
    ["0", "1", "0.1", "-0.1", "3.0e3", "1e300", "-1.5", "inf", "-inf", "nan", "x", "", " 1", "1e-5", "0.5", "5e-324",
     "1e400", "12345678901234567890", "1e5000", ".5", "5.", "1e", "2.25", "100000000000000000000.125"]
)  # fmt: skip
VALUES = st.sampled_from(
    ["", "x", "hello world", "10", "-5", "007", "3.0", "1e5", "9223372036854775807", "a" * 70, "b\r\nc"]
)
ELEMENTS = st.sampled_from(["a", "b", "c", "1", "", "xyz"])
TIMES = st.sampled_from(["100", "1000", "5000", "0", "-1", "x", "9223372036854775807", "9223372036854775", "99999999"])
MILLISECONDS = TIMES.map(lambda time: time + "000" if time in {"100", "1000", "5000"} else time)
"""None that the real clock of a server may reach before the test ends, as it would 100 ms."""
DATABASES = st.sampled_from(["0", "1", "15", "16", "-1", "x", "99999999999"])


def cased(name: str) -> Any:
    return st.sampled_from([name, name.upper(), name.title()])


def cmd(name: Any, *parts: Any) -> Any:
    """A command of these parts, each of which gives a word or several."""
    return st.tuples(cased(name) if isinstance(name, str) else name, *map(strategy, parts)).map(flat)


def strategy(part: Any) -> Any:
    return part if isinstance(part, st.SearchStrategy) else st.just(part)


def flat(parts: Any) -> tuple[Word, ...]:
    words: list[Word] = []
    for part in parts:
        words.extend(flat(part) if isinstance(part, (tuple, list)) else (part,))
    return tuple(words)


def some(part: Any, least: int = 1, most: int = 3) -> Any:
    return st.lists(part, min_size=least, max_size=most)


def maybe(*parts: Any) -> Any:
    return st.just(()) | st.tuples(*map(strategy, parts))


def options(*choices: Any) -> Any:
    """Up to three of them, in any order, also those that do not go together."""
    return st.lists(st.one_of(*choices), max_size=3)


def word(text: str) -> Any:
    return cased(text).map(lambda it: (it,))


def with_argument(text: str, argument: Any) -> Any:
    return st.tuples(cased(text), argument)


# None in the past: Redis counts what has expired until it meets it.
INSTANTS = st.sampled_from(["4102444800000", "0", "-1", "x", "9223372036854775807"])
UNITS = [with_argument("ex", TIMES), with_argument("px", MILLISECONDS)] + [
    with_argument(unit, INSTANTS) for unit in ("exat", "pxat")
]

STRINGS = [
    cmd("set", KEYS, VALUES),
    cmd("set", KEYS, VALUES, options(word("nx"), word("xx"), word("get"), word("keepttl"), *UNITS)),
    cmd("get", KEYS), cmd("getdel", KEYS), cmd("strlen", KEYS), cmd("getset", KEYS, VALUES),
    cmd("getex", KEYS, options(word("persist"), *UNITS)),
    cmd("setnx", KEYS, VALUES), cmd("setex", KEYS, TIMES, VALUES), cmd("psetex", KEYS, MILLISECONDS, VALUES),
    cmd("mget", some(KEYS)), cmd("mset", some(st.tuples(KEYS, VALUES))), cmd("msetnx", some(st.tuples(KEYS, VALUES))),
    cmd("append", KEYS, VALUES), cmd("incr", KEYS), cmd("decr", KEYS), cmd("incrby", KEYS, NUMBERS),
    cmd("decrby", KEYS, NUMBERS), cmd("incrbyfloat", KEYS, FLOATS), cmd("getrange", KEYS, NUMBERS, NUMBERS),
    cmd("substr", KEYS, SMALL, SMALL), cmd("setrange", KEYS, SMALL, VALUES),
    cmd("lcs", KEYS, KEYS,
        options(word("len"), word("idx"), word("withmatchlen"), with_argument("minmatchlen", SMALL))),
]  # fmt: skip

EXPIRE_OPTIONS = options(*(word(text) for text in ("nx", "xx", "gt", "lt", "no")))

GENERIC = [
    cmd("del", some(KEYS)), cmd("unlink", some(KEYS)), cmd("exists", some(KEYS)), cmd("touch", some(KEYS)),
    cmd("type", KEYS), cmd("expire", KEYS, TIMES, EXPIRE_OPTIONS), cmd("pexpire", KEYS, MILLISECONDS, EXPIRE_OPTIONS),
    cmd("expireat", KEYS, TIMES, EXPIRE_OPTIONS), cmd("pexpireat", KEYS, TIMES, EXPIRE_OPTIONS),
    cmd("ttl", KEYS), cmd("pttl", KEYS), cmd("expiretime", KEYS), cmd("pexpiretime", KEYS), cmd("persist", KEYS),
    cmd("rename", KEYS, KEYS), cmd("renamenx", KEYS, KEYS), cmd("move", KEYS, DATABASES),
    cmd("copy", KEYS, KEYS, options(word("replace"), with_argument("db", DATABASES))),
    cmd("object", st.sampled_from(["refcount", "freq", "idletime", "nope"]), some(KEYS, 0, 2)),
    cmd("keys", st.sampled_from(["*", "?", "a*", "[a-b]", "[^a]", "\\a", "{*}", ""])),
    cmd("scan", "0", "count", "1000", options(with_argument("match", KEYS), with_argument("type", VALUES))),
    cmd("dbsize"), cmd("flushdb", maybe(st.sampled_from(["sync", "ASYNC", "x"]))), cmd("flushall"),
    cmd("swapdb", DATABASES, DATABASES),
    cmd("restore", KEYS, TIMES, "nonsense", options(word("replace"), word("absttl"), with_argument("freq", SMALL))),
]  # fmt: skip

HASHES = [
    cmd("hset", KEYS, some(st.tuples(FIELDS, VALUES))), cmd("hmset", KEYS, some(st.tuples(FIELDS, VALUES))),
    cmd("hset", KEYS, some(FIELDS)), cmd("hsetnx", KEYS, FIELDS, VALUES), cmd("hget", KEYS, FIELDS),
    cmd("hmget", KEYS, some(FIELDS)), cmd("hdel", KEYS, some(FIELDS)), cmd("hlen", KEYS), cmd("hstrlen", KEYS, FIELDS),
    cmd("hexists", KEYS, FIELDS), cmd("hkeys", KEYS), cmd("hvals", KEYS), cmd("hgetall", KEYS),
    cmd("hincrby", KEYS, FIELDS, NUMBERS), cmd("hincrbyfloat", KEYS, FIELDS, FLOATS),
    cmd("hscan", KEYS, st.sampled_from(["0", "x", "-1"]),
        options(with_argument("match", PATTERNS), with_argument("count", COUNTS), word("type"))),
    cmd("hrandfield", KEYS, st.sampled_from(["100", "0", "x", "-9223372036854775808"]), maybe(word("withvalues"))),
    cmd("object", "encoding", KEYS),
]  # fmt: skip

SIDES = st.sampled_from(["left", "RIGHT", "up"])

LISTS = [
    cmd("lpush", KEYS, some(ELEMENTS, 1, 4)), cmd("rpush", KEYS, some(ELEMENTS, 1, 4)),
    cmd("rpush", KEYS, some(ELEMENTS, 4, 9)),
    cmd("lpushx", KEYS, some(ELEMENTS)), cmd("rpushx", KEYS, some(ELEMENTS)), cmd("lpop", KEYS, maybe(COUNTS)),
    cmd("rpop", KEYS, maybe(COUNTS)), cmd("llen", KEYS), cmd("lindex", KEYS, SMALL), cmd("lrange", KEYS, SMALL, SMALL),
    cmd("lrange", KEYS, "0", "-1"), cmd("lset", KEYS, SMALL, ELEMENTS), cmd("lrem", KEYS, SMALL, ELEMENTS),
    cmd("ltrim", KEYS, SMALL, SMALL),
    cmd("linsert", KEYS, st.sampled_from(["before", "AFTER", "at"]), ELEMENTS, ELEMENTS),
    cmd("lpos", KEYS, ELEMENTS,
        options(with_argument("rank", SMALL), with_argument("count", COUNTS), with_argument("maxlen", COUNTS))),
    cmd("lmove", KEYS, KEYS, SIDES, SIDES), cmd("rpoplpush", KEYS, KEYS),
    cmd("lmpop", COUNTS, some(KEYS), SIDES, options(with_argument("count", COUNTS))),
]  # fmt: skip

OFFSETS = st.sampled_from(["0", "1", "7", "8", "15", "100", "-1", "x", "#0", "#1", "#3", "4294967296", "9999999999999"])
BITS = st.sampled_from(["0", "1", "2", "-1", "x"])
TYPES = st.sampled_from(["u1", "u8", "i8", "i16", "u63", "i64", "i5", "u64", "x8", "i0"])
INTEGERS = NUMBERS | st.sampled_from(["127", "128", "255", "256", "-128", "-129"])

BITMAPS = [
    cmd("setbit", KEYS, OFFSETS, BITS), cmd("getbit", KEYS, OFFSETS),
    cmd("bitcount", KEYS, maybe(SMALL, SMALL, maybe(st.sampled_from(["bit", "BYTE", "x"])))),
    cmd("bitcount", KEYS, SMALL),
    cmd("bitpos", KEYS, BITS, some(SMALL, 0, 2)),
    cmd("bitpos", KEYS, BITS, SMALL, SMALL, st.sampled_from(["bit", "BYTE", "x"])),
    cmd("bitop", st.sampled_from(["and", "OR", "xor", "not", "nand"]), KEYS, some(KEYS)),
    cmd(
        "bitfield", KEYS,
        some(
            st.one_of(
                st.tuples(st.just("get"), TYPES, OFFSETS), st.tuples(st.just("SET"), TYPES, OFFSETS, INTEGERS),
                st.tuples(st.just("incrby"), TYPES, OFFSETS, INTEGERS),
                st.tuples(st.just("overflow"), st.sampled_from(["sat", "FAIL", "wrap", "x"])),
            ),
            0, 5,
        ),
    ),
    cmd("bitfield_ro", KEYS, some(st.tuples(st.sampled_from(["get", "set"]), TYPES, OFFSETS), 0, 2)),
]  # fmt: skip

SORT_PATTERNS = st.sampled_from(["*", "#", "a", "x*", "*->f", "b*->", "nokey", "*->g->h", ""])
SORT_OPTIONS = [
    word("asc"), word("desc"), word("alpha"), with_argument("by", SORT_PATTERNS), with_argument("get", SORT_PATTERNS),
    with_argument("get", SORT_PATTERNS), st.tuples(cased("limit"), SMALL, SMALL), with_argument("store", KEYS),
    word("x"),
]  # fmt: skip
SORTED = [
    cmd("sort", KEYS, options(*SORT_OPTIONS)), cmd("sort", KEYS, "ALPHA", options(*SORT_OPTIONS)),
    cmd("sort_ro", KEYS, options(*SORT_OPTIONS)), cmd("rpush", KEYS, some(NUMBERS | ELEMENTS, 1, 6)),
]  # fmt: skip

SETS = [
    cmd("sadd", KEYS, some(ELEMENTS, 1, 5)), cmd("srem", KEYS, some(ELEMENTS)), cmd("scard", KEYS),
    cmd("smembers", KEYS), cmd("sismember", KEYS, ELEMENTS), cmd("smismember", KEYS, some(ELEMENTS)),
    cmd("smove", KEYS, KEYS, ELEMENTS), cmd("spop", KEYS, st.sampled_from(["0", "100", "-1", "x"])),
    cmd("srandmember", KEYS, st.sampled_from(["0", "x", "-9223372036854775808"])),
    cmd("sscan", KEYS, "0", options(with_argument("match", PATTERNS), with_argument("count", COUNTS))),
    cmd(st.sampled_from(["sunion", "sinter", "sdiff"]), some(KEYS)),
    cmd(st.sampled_from(["sunionstore", "sinterstore", "sdiffstore"]), KEYS, some(KEYS)),
    cmd("sintercard", COUNTS, some(KEYS), options(with_argument("limit", COUNTS))), cmd("object", "encoding", KEYS),
]  # fmt: skip

SCORES = st.sampled_from(["0", "1", "2", "-1", "0.1", "0.2", "-2.5", "inf", "-inf", "1e300", "5e-324", "nan", "x"])
BOUNDS = SCORES | SCORES.map(lambda score: f"({score}")
LIMIT = maybe(cased("limit"), SMALL, SMALL)
WITHSCORES = maybe(cased("withscores"))
NUMBERED = some(KEYS).map(lambda keys: (str(len(keys)), *keys)) | st.tuples(COUNTS, some(KEYS))
WEIGHED = options(
    st.tuples(cased("weights"), some(SCORES)), with_argument("aggregate", st.sampled_from(["min", "MAX", "sum", "x"]))
)
ADDED = some(st.tuples(SCORES, ELEMENTS), 1, 4)

ZSETS = [
    cmd("zadd", KEYS, ADDED), cmd("zadd", KEYS, some(st.tuples(SCORES, ELEMENTS), 3, 6)),
    cmd("zadd", KEYS, options(*(word(flag) for flag in ("nx", "xx", "gt", "lt", "ch", "incr"))), ADDED),
    cmd("zincrby", KEYS, SCORES, ELEMENTS), cmd("zrem", KEYS, some(ELEMENTS)), cmd("zcard", KEYS),
    cmd(st.sampled_from(["zscore", "zrank", "zrevrank", "zmscore"]), KEYS, ELEMENTS),
    cmd("zcount", KEYS, BOUNDS, BOUNDS),
    cmd("zrange", KEYS, SMALL, SMALL, options(word("rev"), word("withscores"))),
    cmd("zrange", KEYS, BOUNDS, BOUNDS, "BYSCORE", options(word("rev"), word("withscores")), LIMIT),
    cmd("zrevrange", KEYS, SMALL, SMALL, WITHSCORES),
    cmd(st.sampled_from(["zrangebyscore", "zrevrangebyscore"]), KEYS, BOUNDS, BOUNDS, WITHSCORES, LIMIT),
    cmd("zrangestore", KEYS, KEYS, SMALL, SMALL, options(word("rev"))),
    cmd("zremrangebyrank", KEYS, SMALL, SMALL), cmd("zremrangebyscore", KEYS, BOUNDS, BOUNDS),
    cmd(st.sampled_from(["zpopmin", "zpopmax"]), KEYS, maybe(COUNTS)),
    cmd("zmpop", NUMBERED, st.sampled_from(["min", "MAX", "x"]), options(with_argument("count", COUNTS))),
    cmd(st.sampled_from(["zunion", "zinter"]), NUMBERED, WEIGHED, WITHSCORES), cmd("zdiff", NUMBERED, WITHSCORES),
    cmd(st.sampled_from(["zunionstore", "zinterstore"]), KEYS, NUMBERED, WEIGHED), cmd("zdiffstore", KEYS, NUMBERED),
    cmd("zintercard", NUMBERED, options(with_argument("limit", COUNTS))),
    cmd("zrandmember", KEYS, st.sampled_from(["0", "x", "-9223372036854775808"]), WITHSCORES),
    cmd("zscan", KEYS, "0", options(with_argument("match", PATTERNS), with_argument("count", COUNTS))),
]  # fmt: skip

WRONG = [cmd(name, some(VALUES, 0, 3)) for name in ("nope", "get", "set", "hset", "lpush", "mset", "expire", "lmpop")]

FAMILIES = {"strings": STRINGS, "keys": GENERIC, "hashes": HASHES, "lists": LISTS, "bitmaps": BITMAPS, "sort": SORTED}
FAMILIES |= {"sets": SETS, "zsets": ZSETS}


TIMEOUTS = st.sampled_from(["0", "0.5", "-1", "-0.0001", "x", "1e30", "1e15", "9e15", "inf", ""])

# Only in transactions, where nothing waits.
BLOCKING = [
    cmd("blpop", some(KEYS), TIMEOUTS), cmd("brpop", some(KEYS), TIMEOUTS), cmd("brpoplpush", KEYS, KEYS, TIMEOUTS),
    cmd("blmove", KEYS, KEYS, SIDES, SIDES, TIMEOUTS),
    cmd(st.sampled_from(["bzpopmin", "bzpopmax"]), some(KEYS), TIMEOUTS),
    cmd("bzmpop", TIMEOUTS, NUMBERED, st.sampled_from(["min", "MAX", "x"]), options(with_argument("count", COUNTS))),
    cmd("blmpop", TIMEOUTS, COUNTS, some(KEYS), SIDES, options(with_argument("count", COUNTS))),
]  # fmt: skip


def commands() -> Any:
    return st.one_of(*(st.one_of(family) for family in FAMILIES.values()), *WRONG)
