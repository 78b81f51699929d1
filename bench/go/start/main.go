// start does nothing: its CPU time is what is subtracted from the others'.
package main

func main() {}
