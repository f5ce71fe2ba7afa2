#include "load.h"
int rest(void) { die("not yet"); }
