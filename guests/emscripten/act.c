/* app_act for every way to link: the tests of the policy tell it what to do. */
#include "../c/app_act.c"
