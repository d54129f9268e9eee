package selfcheck

import (
	"context"
	"sync"

	"github.com/verbatim-dev/verbatim/promotion"
)

// Greeter makes the cheapest call to a registry that shows whether it takes our credentials.
type Greeter interface {
	Greet(ctx context.Context, host string) error
}

// Registries greets each registry.
func Registries(ctx context.Context, greeter Greeter, hosts []string) []Finding {
	found := make([]Finding, len(hosts))
	var running sync.WaitGroup
	for i, host := range hosts {
		running.Go(func() { found[i] = registry(ctx, greeter, host) })
	}
	running.Wait()
	return found
}

func registry(ctx context.Context, greeter Greeter, host string) Finding {
	finding := Finding{Name: RegistryName(host), State: OK}
	err := greeter.Greet(ctx, host)
	if paused, isPaused := promotion.Paused(err); isPaused {
		finding.State, finding.Found, finding.Mend = Degraded, err.Error(), paused.Mend
	} else if err != nil {
		finding.State, finding.Found, finding.Mend = Unknown, err.Error(), "nothing, if the registry is back soon; else check its name in the scope and the network"
	}
	return finding
}
