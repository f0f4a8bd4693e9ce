/* pubsub.c */
#include "features.h"

verdict run_subscribe(connection *self, replies *to) { (void)self; reply_error(to, "ERR"); return DONE; }
verdict run_unsubscribe(connection *self, replies *to) { (void)self; reply_error(to, "ERR"); return DONE; }
verdict run_psubscribe(connection *self, replies *to) { (void)self; reply_error(to, "ERR"); return DONE; }
verdict run_punsubscribe(connection *self, replies *to) { (void)self; reply_error(to, "ERR"); return DONE; }
verdict run_publish(connection *self, replies *to) { (void)self; reply_error(to, "ERR"); return DONE; }
verdict run_pubsub(connection *self, replies *to) { (void)self; reply_error(to, "ERR"); return DONE; }
bool publication_heard(connection *self, radon_message message, radon_bytes body) { (void)self; (void)message; (void)body; return false; }
void subscribe_finish(connection *self) { (void)self; }
bool unsubscribe_all(connection *self) { (void)self; return false; }
