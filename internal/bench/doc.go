// Package bench holds the benchmarks of the whole: README.md beside it has their results.
package bench
