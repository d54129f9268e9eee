// Package depcheck holds the house to its rule of who may import whom (docs/design.md):
//
//	cmd → server → handlers, config, adapters → promotion → standard library
//
// An adapter is a package below promotion. Adapters do not import each other, and each outside library has its room.
// The rule is data here (rules.go); the test applies it to the program as `go list` gives it. Tests may import what
// they like: only what the program is built from counts.
package depcheck
