package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/verbatim-dev/verbatim/internal/githubtest"
	"github.com/verbatim-dev/verbatim/internal/postgrestest"
	"github.com/verbatim-dev/verbatim/internal/registrytest"
	"github.com/verbatim-dev/verbatim/internal/scene"
	"github.com/verbatim-dev/verbatim/internal/slacktest"
)

// lease is the shortest that the settings allow: what a killed process held comes back after it.
const lease = 5 * time.Second

// repositories of a world: each has a lane of its own.
var repositories = []string{"basket", "search", "orders"}

// world is one set of stand-ins, one database, and the replicas that work on it.
type world struct {
	options Options
	number  int
	folder  string
	random  *random

	github   *githubtest.Server
	registry *registrytest.Server
	slack    *slacktest.Server
	fronts   map[string]*front
	points   *points
	hook     *forwarder
	replicas []*replica
	shops    []*shop
	removed  func() error // takes the database away

	arriving  atomic.Pointer[func(*replica)] // what the next delivery sets off
	wrote     atomic.Int64                   // when a stand-in was last changed by a replica, in nanoseconds
	killed    atomic.Int64
	paused    atomic.Int64
	faults    atomic.Int64
	mutex     sync.Mutex
	broken    []string // violations that were seen as they happened
	suspended sync.WaitGroup
}

// random gives the world's choices. It may be used by several goroutines.
type random struct {
	mutex  sync.Mutex
	source *rand.Rand
}

func (r *random) below(limit int) int {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.source.IntN(limit)
}

func (r *random) between(least, most time.Duration) time.Duration {
	return least + time.Duration(r.below(int(most-least)))
}

func (r *random) oneIn(count int) bool { return r.below(count) == 0 }

func one[T any](r *random, of []T) T { return of[r.below(len(of))] }

// newWorld starts everything.
func newWorld(ctx context.Context, options Options, number int) (*world, error) {
	w := &world{
		options: options, number: number, fronts: map[string]*front{}, points: &points{},
		random: &random{source: rand.New(rand.NewPCG(options.Seed, uint64(number)))},
	}
	if err := w.begin(ctx); err != nil {
		return nil, errors.Join(err, w.close(true))
	}
	return w, nil
}

func (w *world) begin(ctx context.Context) (err error) {
	if w.folder, err = os.MkdirTemp("", "verbatim-chaos-"); err != nil {
		return err
	}
	database := "sqlite:" + filepath.Join(w.folder, "verbatim.db")
	if w.options.Database == "postgres" {
		if database, w.removed, err = postgrestest.New(ctx); err != nil {
			return err
		}
	}
	w.github = githubtest.New(githubtest.Options{RateLimit: 10_000_000, DeliveryTimeout: 4 * time.Second})
	if w.registry, err = registrytest.InProcess(); err != nil {
		return err
	}
	if w.slack, err = slacktest.New(); err != nil {
		return err
	}
	for name, inner := range map[string]http.Handler{"github": w.github, "registry": w.registry, "slack": w.slack} {
		seen := w.sees
		if name == "registry" {
			seen = w.seesInRegistry
		}
		if w.fronts[name], err = newFront(name, inner, w.points, seen); err != nil {
			return err
		}
	}
	if err := w.startReplicas(ctx, database); err != nil {
		return err
	}
	for _, name := range repositories {
		shop := w.newShop(name)
		w.mutex.Lock() // the replicas look at the registry already
		w.shops = append(w.shops, shop)
		w.mutex.Unlock()
	}
	return nil
}

func (w *world) startReplicas(ctx context.Context, database string) error {
	for number := range w.options.Replicas {
		replica, err := newReplica(w.options.Binary, w.folder, number, w.environment(database))
		if err != nil {
			return err
		}
		w.replicas = append(w.replicas, replica)
		if err := replica.start(ctx); err != nil {
			return err
		}
	}
	var err error
	if w.hook, err = newForwarder(w.replicas, w.delivering); err != nil {
		return err
	}
	w.github.SetHook(w.hook.hook(), "")
	return nil
}

// catchUp gives how often the program catches up. Its sweeps would find what it lost by acknowledging early, and hide what the
// harness has to see.
func (w *world) catchUp() string {
	if w.options.Sabotage == AcknowledgeBeforeCommit {
		return "0"
	}
	return "30s"
}

func (w *world) environment(database string) []string {
	github, slack := "http://"+w.fronts["github"].host(), w.slack.URL()
	slack = "http://" + w.fronts["slack"].host() + slack[strings.Index(slack, "/services/"):]
	return []string{
		"VERBATIM_DATABASE_URL=" + database, "VERBATIM_LEASE=" + lease.String(), "VERBATIM_CATCH_UP_INTERVAL=" + w.catchUp(), "VERBATIM_LOG_LEVEL=info",
		"GITHUB_V3_API_URL=" + github + "/", "GITHUB_V4_API_URL=" + github + "/graphql", "GITHUB_WEB_URL=" + w.github.URL(),
		fmt.Sprintf("GITHUB_APP_INTEGRATION_ID=%d", w.github.AppID()),
		"GITHUB_APP_PRIVATE_KEY=" + w.github.PrivateKeyPEM(), "GITHUB_APP_WEBHOOK_SECRET=" + w.github.WebhookSecret(),
		"VERBATIM_REGISTRY_SCOPE=acme/*=" + w.fronts["registry"].host() + "/{repo}/api", "SLACK_WEBHOOK_URL=" + slack,
		"DOCKER_CONFIG=" + w.folder, "HOME=" + w.folder, "VERBATIM_SABOTAGE=" + w.options.Sabotage,
	}
}

// newShop makes a repository with its lane.
func (w *world) newShop(name string) *shop {
	image := name + "/api"
	policy := strings.ReplaceAll(scene.DefaultPolicy(w.fronts["registry"].host()), "/shop/api", "/"+image)
	return &shop{
		world: w, name: name, image: image, verified: map[string]bool{},
		Scene: scene.On(w.github, w.registry, "acme/"+name, image, policy),
	}
}

// sees notes that a replica changed something.
func (w *world) sees(r *http.Request, _ []byte, _ int) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead && !strings.HasSuffix(r.URL.Path, "/access_tokens") {
		w.wrote.Store(time.Now().UnixNano())
	}
}

// seesInRegistry keeps what the tag production was put to.
func (w *world) seesInRegistry(r *http.Request, body []byte, status int) {
	w.sees(r, body, status)
	w.mutex.Lock()
	shops := slices.Clone(w.shops)
	w.mutex.Unlock()
	for _, shop := range shops {
		if r.Method == http.MethodPut && r.URL.Path == "/v2/"+shop.image+"/manifests/production" && status == http.StatusCreated {
			shop.put(body)
		}
	}
}

// delivering is called when a delivery's bytes are on their way to a replica.
func (w *world) delivering(to *replica) {
	if act := w.arriving.Swap(nil); act != nil {
		(*act)(to)
	}
}

func (w *world) violation(format string, arguments ...any) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.broken = append(w.broken, fmt.Sprintf(format, arguments...))
}

// seenBroken gives the violations that were seen as they happened, and the processes that ended by themselves.
func (w *world) seenBroken() []string {
	w.mutex.Lock()
	found := append([]string(nil), w.broken...)
	w.mutex.Unlock()
	for _, replica := range w.replicas {
		found = append(found, replica.crashed()...)
	}
	return found
}

// close ends everything. The folder stays when it is to be looked at.
func (w *world) close(keep bool) error {
	w.suspended.Wait()
	var err error
	for _, replica := range w.replicas {
		err = errors.Join(err, replica.close())
	}
	if w.github != nil {
		w.github.Close()
	}
	if w.hook != nil {
		w.hook.close()
	}
	for _, front := range w.fronts {
		if front != nil {
			front.close()
		}
	}
	if w.registry != nil {
		w.registry.Close()
	}
	if w.slack != nil {
		w.slack.Close()
	}
	if w.removed != nil {
		err = errors.Join(err, w.removed())
	}
	if keep {
		return err
	}
	return errors.Join(err, os.RemoveAll(w.folder))
}
