// Package controls takes each defence of the threat model out, one at a time, and sees that a named test then fails.
//
// A control is an entry of a *.yml file here: a text in one source file, what replaces it, and the test that has to notice.
// The sources are not touched: go test builds with an overlay (https://pkg.go.dev/cmd/go#hdr-Compile_packages_and_dependencies,
// -overlay). The package's own test holds that every control still fits the sources and that the tests it names exist;
// internal/controls/run takes the defences out for real (make controls).
package controls
