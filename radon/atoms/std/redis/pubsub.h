/* pubsub.h - what connections and shards agree on about channels.
 *
 * The shard that a channel's name hashes to publishes what is published there, to two topics: that of the channel, and
 * the one of all patterns, whose subscribers look for themselves. Both are the shard's own, and beside it: so who has
 * subscribed to the topic and then asks the shard hears all that the shard publishes from then on. It counts who has subscribed. Commands of connections
 * for that, which no client can send:
 *
 *     .publish CHANNEL MESSAGE       the number of receivers
 *     .subscribe CHANNEL...          the sender of the message has subscribed; OK
 *     .unsubscribe CHANNEL...
 *     .psubscribe PATTERN...         to all shards, because any of them may publish what fits
 *     .punsubscribe PATTERN...
 *     .channels [PATTERN]            channels of this shard that somebody has subscribed to
 *     .numsub CHANNEL...             channels, each with its number of subscribers; 0 for those of other shards
 *     .numpat                        number of patterns
 */
#ifndef REDIS_PUBSUB_H
#define REDIS_PUBSUB_H

#include "kv.h"

#define PATTERNS_TOPIC "redis:p"

/* A topic of the shard with this address, "KIND/#N". */
static inline radon_bytes topic_beside(radon_buffer *name, radon_bytes shard) {
    radon_buffer_add_byte(name, '@');
    radon_buffer_add(name, shard);
    return radon_buffer_bytes(name);
}

static inline radon_bytes patterns_topic(radon_bytes shard) {
    radon_buffer topic = {0};
    radon_buffer_add_text(&topic, PATTERNS_TOPIC);
    return topic_beside(&topic, shard);
}

/* The topic of a channel: by name where that is short and plain, else by its hash. */
static inline radon_bytes channel_topic(radon_bytes channel, radon_bytes shard) {
    radon_buffer topic = {0};
    bool plain = channel.len <= 150;
    for (size_t index = 0; index < channel.len && plain; index++)
        plain = channel.data[index] >= ' ' && channel.data[index] <= '~';
    radon_buffer_add_text(&topic, plain ? "redis:c:" : "redis:h:");
    if (plain)
        radon_buffer_add(&topic, channel);
    else
        radon_buffer_add_u64(&topic, kv_hash(channel));
    return topic_beside(&topic, shard);
}

/* What is published: the channel behind its length, then the message. */
static inline radon_bytes publication(radon_bytes channel, radon_bytes message) {
    radon_buffer body = {0};
    radon_store_u32(radon_buffer_extend(&body, 4), (uint32_t)channel.len);
    radon_buffer_add(&body, channel);
    radon_buffer_add(&body, message);
    return radon_buffer_bytes(&body);
}

/* Cuts the channel off; what is left is the message. */
static inline bool publication_take(radon_bytes *body, radon_bytes *channel) { return kv_take_key(body, channel); }

#endif
