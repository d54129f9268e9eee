// Command run runs the kill harness: docs/reliability.md says how.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/verbatim-dev/verbatim/internal/chaos"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx)
	stop()
	os.Exit(code)
}

// run gives 0 when everything held or, with a sabotage, when it was found; 1 when not; 2 when it could not tell.
func run(ctx context.Context) int {
	options := chaos.Options{Out: os.Stdout}
	flag.StringVar(&options.Database, "database", "sqlite", "sqlite or postgres (VERBATIM_TEST_POSTGRES names it)")
	flag.IntVar(&options.Replicas, "replicas", 1, "processes that share the database")
	flag.IntVar(&options.Kills, "kills", 100, "how often a process is killed")
	flag.IntVar(&options.PerRound, "round", 20, "kills between two checks")
	flag.IntVar(&options.PerWorld, "world", 100, "kills before everything begins anew with an empty database")
	flag.IntVar(&options.Parallel, "parallel", 1, "worlds at once")
	flag.Uint64Var(&options.Seed, "seed", 1, "the seed of the harness's choices")
	flag.BoolVar(&options.Late, "late", false, "of several replicas, have one hang right before it puts the tag")
	flag.StringVar(&options.Sabotage, "sabotage", "", "take one promise away, which must be found: "+
		chaos.AcknowledgeBeforeCommit+", "+chaos.NoFencing+" or "+chaos.NoDeduplication)
	flag.StringVar(&options.Binary, "binary", "", "the binary; built when it is not given")
	flag.Parse()
	summary, err := chaos.Run(ctx, options)
	fmt.Printf("\n%s, %d replicas, seed %d: %s\n", options.Database, options.Replicas, options.Seed, summary)
	for _, folder := range summary.Folders {
		fmt.Println("logs and database are kept in", folder)
	}
	switch found := len(summary.Violations) > 0; {
	case err != nil:
		fmt.Fprintln(os.Stderr, "chaos:", err)
		return 2
	case options.Sabotage != "" && !found:
		fmt.Printf("NOT FOUND: the sabotage %s showed nowhere\n", options.Sabotage)
		return 1
	case options.Sabotage != "":
		fmt.Printf("found, as it must be: the sabotage %s shows\n", options.Sabotage)
		return 0
	case found:
		return 1
	}
	return 0
}
