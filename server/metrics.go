package server

import (
	"context"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/verbatim-dev/verbatim/internal/selfcheck"
	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/budget"
	"github.com/verbatim-dev/verbatim/promotion/ledger"
)

// Metrics are what operators see at /metrics.
type Metrics struct {
	registry     *prometheus.Registry
	deliveries   *prometheus.CounterVec
	deliveryTime prometheus.Histogram
	work         *prometheus.CounterVec
	workTime     *prometheus.HistogramVec
	workWait     *prometheus.HistogramVec
	requests     *prometheus.CounterVec
	promotions   *prometheus.HistogramVec
	outside      *prometheus.HistogramVec
	budgetWait   prometheus.Histogram
	remaining    *prometheus.GaugeVec
	breakers     *prometheus.GaugeVec
	caughtUp     *prometheus.CounterVec
	swept        *prometheus.CounterVec
	leader       *prometheus.GaugeVec
	depth        *prometheus.GaugeVec
	oldest       *prometheus.GaugeVec
	lanes        *prometheus.GaugeVec
	degraded     *prometheus.GaugeVec
	missing      *prometheus.GaugeVec
	logsDropped  atomic.Pointer[func() int64]
	held         *prometheus.GaugeVec
	readable     prometheus.Gauge
	known        map[string]bool
}

// NewMetrics makes the metrics. Events are the names that are counted by themselves; all others count as "other", so
// that nobody outside decides how many series there are.
func NewMetrics(events []string) *Metrics {
	quick, slow := prometheus.ExponentialBuckets(0.001, 2.5, 11), prometheus.ExponentialBuckets(0.05, 2.5, 13)
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	gauges := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	}
	times := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	}
	m := &Metrics{
		registry: prometheus.NewRegistry(), known: map[string]bool{},
		deliveries:   counters("verbatim_deliveries_total", "Webhook deliveries by event and answered status.", "event", "status"),
		deliveryTime: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "verbatim_delivery_seconds", Help: "How long deliveries took to be answered.", Buckets: quick}),
		work:         counters("verbatim_work_total", "Rows of work by kind and outcome (done, again, retried, delayed, paused, handed_back, set_aside, lost).", "kind", "outcome"),
		workTime:     times("verbatim_work_seconds", "How long a try at a row of work took.", quick, "kind"),
		workWait:     times("verbatim_work_wait_seconds", "How long rows of work that were due waited for a worker.", quick, "kind"),
		requests:     counters("verbatim_requests_total", "Commands answered, by verb and result.", "verb", "result"),
		promotions:   times("verbatim_promotion_seconds", "From the decision to promote or roll back to its end, by kind and state.", slow, "kind", "state"),
		outside:      times("verbatim_outside_call_seconds", "Calls to systems outside by host, route and outcome; refused: not made, because of a limit or a host that does not answer.", quick, "host", "route", "outcome"),
		budgetWait:   prometheus.NewHistogram(prometheus.HistogramOpts{Name: "verbatim_budget_wait_seconds", Help: "How long calls outside waited for their turn.", Buckets: quick}),
		remaining:    gauges("verbatim_budget_remaining", "What is left of an hour's calls, by host and identity.", "budget"),
		breakers:     gauges("verbatim_breaker_open", "1 for a host that does not answer and is left alone.", "host"),
		caughtUp:     counters("verbatim_catch_up_total", "Deliveries that GitHub could not deliver: asked for again, or lost.", "outcome"),
		swept:        counters("verbatim_sweep_total", "Sweeps of repositories (done, failed), and what they found that no delivery had told of (run, comment).", "outcome"),
		leader:       gauges("verbatim_leader", "1 where this process leads in a periodic task.", "task"),
		depth:        gauges("verbatim_work_rows", "Unfinished rows of work by kind and state (scheduled: for a later time).", "kind", "state"),
		oldest:       gauges("verbatim_work_oldest_seconds", "Age of the oldest row of work that is due."),
		lanes:        gauges("verbatim_lanes_held", "Lanes in which a promotion is under way."),
		degraded:     gauges("verbatim_degraded", "1 for what does not work until somebody mends it, or could not be told: /readyz says more.", "what"),
		missing:      gauges("verbatim_permission_missing", "1 for each permission that the app lacks on GitHub: checks: write.", "permission"),
		held:         gauges("verbatim_held_everywhere", "1 while everything is held, because the ledger was restored or lost: /readyz says why."),
	}
	m.readable = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "verbatim_ledger_readable", Help: "1 when the ledger could be read for this scrape; 0: what is read from it (work, lanes, held) is left out.",
	})
	dropped := prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "verbatim_log_lines_dropped_total", Help: "Lines of the log that were dropped because nobody read them, or that could not be written.",
	}, func() float64 {
		if count := m.logsDropped.Load(); count != nil {
			return float64((*count)())
		}
		return 0
	})
	for _, event := range events {
		m.known[event] = true
	}
	m.begin()
	m.registry.MustRegister(m.deliveries, m.deliveryTime, m.work, m.workTime, m.workWait, m.requests, m.promotions, m.outside, m.budgetWait, m.remaining,
		m.breakers, m.caughtUp, m.swept, m.leader, m.depth, m.oldest, m.lanes, m.held, m.readable, m.degraded, m.missing, dropped, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// begin has the counters that alerts watch begin at nothing: a series whose first value is one has not risen, as Prometheus
// sees it (https://prometheus.io/docs/practices/instrumentation/#avoid-missing-metrics).
func (m *Metrics) begin() {
	m.deliveries.WithLabelValues("other", strconv.Itoa(http.StatusServiceUnavailable))
	for event := range m.known {
		m.deliveries.WithLabelValues(event, strconv.Itoa(http.StatusServiceUnavailable))
	}
	for _, kind := range []promotion.Kind{promotion.KindPromotion, promotion.KindRollback} {
		for _, state := range []promotion.State{promotion.Succeeded, promotion.Failed, promotion.Errored} {
			m.promotions.WithLabelValues(string(kind), string(state))
		}
	}
	for _, outcome := range []string{"asked", "lost"} {
		m.caughtUp.WithLabelValues(outcome)
	}
	for _, outcome := range []string{"done", "failed"} {
		m.swept.WithLabelValues(outcome)
	}
}

// Delivery counts an answered delivery.
func (m *Metrics) Delivery(event string, status int, took time.Duration) {
	m.deliveryTime.Observe(took.Seconds())
	if !m.known[event] {
		event = "other"
	}
	m.deliveries.WithLabelValues(event, strconv.Itoa(status)).Inc()
}

// Outside counts a call to another system.
func (m *Metrics) Outside(host, route, outcome string, duration time.Duration) {
	m.outside.WithLabelValues(host, route, outcome).Observe(duration.Seconds())
}

// Swept counts a sweep of a repository, or something that it found.
func (m *Metrics) Swept(outcome string) { m.swept.WithLabelValues(outcome).Inc() }

// Waited notes how long a call outside waited for its turn.
func (m *Metrics) Waited(wait time.Duration) { m.budgetWait.Observe(wait.Seconds()) }

// promoted notes the promotions that have ended.
func (m *Metrics) promoted(changes promotion.Changes) {
	for _, one := range changes.Promotions {
		if !one.Finished.IsZero() && one.Kind != promotion.KindBaseline {
			m.promotions.WithLabelValues(string(one.Kind), string(one.State)).Observe(one.Finished.Sub(one.Created).Seconds())
		}
	}
}

// leads notes whether this process leads in a task.
func (m *Metrics) leads(task string, leads bool) {
	m.leader.WithLabelValues(task).Set(indicator(leads))
}

func indicator(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}

// DepthReader says what work is unfinished.
type DepthReader interface {
	Depth(ctx context.Context) (ledger.Depth, error)
}

// Spending says what is known of limits and hosts.
type Spending interface {
	Accounts() []budget.Account
	Hosts() map[string]bool
}

// Health says what is degraded.
type Health interface {
	Degraded() []selfcheck.Finding
}

// Handler serves /metrics. The depth of the queue, the limits and what is degraded are read when they are asked for; spending
// and health may be nil.
func (m *Metrics) Handler(reader DepthReader, spending Spending, health Health) http.Handler {
	served := promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
		defer cancel()
		m.read(ctx, reader)
		if spending != nil {
			m.spent(spending)
		}
		if health != nil {
			m.ails(health.Degraded())
		}
		served.ServeHTTP(w, r)
	})
}

// ails notes what does not stand well.
func (m *Metrics) ails(findings []selfcheck.Finding) {
	m.degraded.Reset()
	m.missing.Reset()
	for _, finding := range findings {
		m.degraded.WithLabelValues(finding.Name).Set(1)
		for _, permission := range finding.Permissions {
			m.missing.WithLabelValues(permission).Set(1)
		}
	}
}

// read takes what the ledger tells. Where it cannot be read nothing is told: a 0, or what was read before, would silence alerts.
func (m *Metrics) read(ctx context.Context, reader DepthReader) {
	for _, gauge := range []*prometheus.GaugeVec{m.depth, m.oldest, m.lanes, m.held} {
		gauge.Reset()
	}
	depth, err := reader.Depth(ctx)
	m.readable.Set(indicator(err == nil))
	if err != nil {
		return
	}
	for _, row := range depth.Rows {
		m.depth.WithLabelValues(string(row.Kind), row.State).Set(float64(row.Count))
	}
	m.oldest.WithLabelValues().Set(depth.Oldest.Seconds())
	m.lanes.WithLabelValues().Set(float64(depth.Lanes))
	m.held.WithLabelValues().Set(indicator(depth.Held))
}

func (m *Metrics) spent(spending Spending) {
	m.remaining.Reset()
	for _, account := range spending.Accounts() {
		m.remaining.WithLabelValues(account.Name).Set(float64(account.Remaining))
	}
	m.breakers.Reset()
	for host, open := range spending.Hosts() {
		m.breakers.WithLabelValues(host).Set(indicator(open))
	}
}
