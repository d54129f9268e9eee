//go:build race

package main

// unverifiedMegabytes is what sixty unfinished bodies may take, in megabytes. The race detector takes five to ten times what a program does
// (https://go.dev/doc/articles/race_detector#Runtime_Overheads); without the budget it would be over five gigabytes.
const unverifiedMegabytes = 2000
