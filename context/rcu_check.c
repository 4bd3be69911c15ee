/* Wrong use of the read side, reported. */
#include "context/rcu_read.h"
struct static_key rcu_check_key;
void rcu_check_lock(void) {}
bool rcu_check_unlock(void) { return true; }
void rcu_check_dereference(bool held) {}
