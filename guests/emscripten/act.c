/* app_act for every way to link: the tests of the policy say what it does. */
#include "../c/app_act.c"
