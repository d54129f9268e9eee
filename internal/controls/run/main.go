// Command run takes the defences of internal/controls out, one at a time, and fails unless the named test notices each.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/verbatim-dev/verbatim/internal/controls"
)

func main() {
	name := flag.String("name", "*", "which controls: a pattern with *")
	verbose := flag.Bool("v", false, "show what each test said")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *name, *verbose); err != nil {
		fmt.Fprintln(os.Stderr, "controls:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to be undone
	}
}

func run(ctx context.Context, pattern string, verbose bool) error {
	root, err := filepath.Abs(".")
	if err != nil {
		return err
	}
	all, err := controls.Load(root)
	if err != nil {
		return err
	}
	tried, failed := 0, 0
	for _, control := range all {
		if matches, err := path.Match(pattern, control.Name); err != nil || !matches {
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		tried++
		began := time.Now()
		said, err := control.Try(ctx, root)
		took := time.Since(began).Round(time.Second)
		if err != nil {
			failed++
			fmt.Printf("NOT NOTICED %s (%s): %v\n%s\n", control.Name, took, err, said)
			continue
		}
		fmt.Printf("noticed     %s by %s (%s): %s\n", control.Name, control.Test, took, firstFailure(said))
		if verbose {
			fmt.Println(said)
		}
	}
	fmt.Printf("%d controls, %d not noticed\n", tried, failed)
	if failed > 0 || tried == 0 {
		return fmt.Errorf("%d of %d defences can be taken out without their test failing", failed, tried)
	}
	return nil
}

// firstFailure returns the first line in which the test complains.
func firstFailure(said string) string {
	for line := range strings.Lines(said) {
		if text := strings.TrimSpace(line); strings.Contains(text, "_test.go:") {
			return text
		}
	}
	return "it failed"
}
