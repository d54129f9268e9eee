//go:build !race

package main

// unverifiedMegabytes is what sixty unfinished bodies may take, in megabytes: without the budget it is over a gigabyte.
const unverifiedMegabytes = 500
