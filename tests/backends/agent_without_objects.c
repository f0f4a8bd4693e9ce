/* The agent of the conformance suites for backends that have no objects. */
#define WITHOUT_OBJECTS
#include "../../radon/testing/agent.c"
