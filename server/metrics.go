package server

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/verbatim-dev/verbatim/promotion/ledger"
)

// Metrics are what operators see at /metrics.
type Metrics struct {
	registry   *prometheus.Registry
	deliveries *prometheus.CounterVec
	work       *prometheus.CounterVec
	workTime   *prometheus.HistogramVec
	requests   *prometheus.CounterVec
	outside    *prometheus.HistogramVec
	caughtUp   *prometheus.CounterVec
	depth      *prometheus.GaugeVec
	oldest     prometheus.Gauge
	known      map[string]bool
}

// NewMetrics makes the metrics. Events are the names that are counted by themselves; all others count as "other", so
// that nobody outside decides how many series there are.
func NewMetrics(events []string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(), known: map[string]bool{},
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "verbatim_deliveries_total", Help: "Webhook deliveries by event and answered status."}, []string{"event", "status"}),
		work:       prometheus.NewCounterVec(prometheus.CounterOpts{Name: "verbatim_work_total", Help: "Rows of work by kind and outcome (done, again, retried, set_aside, lost)."}, []string{"kind", "outcome"}),
		workTime:   prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "verbatim_work_seconds", Help: "How long a try at a row of work took.", Buckets: prometheus.ExponentialBuckets(0.001, 2.5, 11)}, []string{"kind"}),
		requests:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "verbatim_requests_total", Help: "Commands answered, by verb and result."}, []string{"verb", "result"}),
		outside:    prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "verbatim_outside_call_seconds", Help: "Calls to systems outside by host, route and outcome.", Buckets: prometheus.ExponentialBuckets(0.001, 2.5, 11)}, []string{"host", "route", "outcome"}),
		caughtUp:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "verbatim_catch_up_total", Help: "Deliveries that GitHub could not deliver: asked for again, or lost."}, []string{"outcome"}),
		depth:      prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "verbatim_work_rows", Help: "Unfinished rows of work by kind and state (scheduled: for a later time)."}, []string{"kind", "state"}),
		oldest:     prometheus.NewGauge(prometheus.GaugeOpts{Name: "verbatim_work_oldest_seconds", Help: "Age of the oldest row of work that is due."}),
	}
	for _, event := range events {
		m.known[event] = true
	}
	m.registry.MustRegister(m.deliveries, m.work, m.workTime, m.requests, m.outside, m.caughtUp, m.depth, m.oldest,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Delivery counts an answered delivery.
func (m *Metrics) Delivery(event string, status int) {
	if !m.known[event] {
		event = "other"
	}
	m.deliveries.WithLabelValues(event, strconv.Itoa(status)).Inc()
}

// Outside counts a call to another system.
func (m *Metrics) Outside(host, route, outcome string, duration time.Duration) {
	m.outside.WithLabelValues(host, route, outcome).Observe(duration.Seconds())
}

// DepthReader says what work is unfinished.
type DepthReader interface {
	Depth(ctx context.Context) (ledger.Depth, error)
}

// Handler serves /metrics. The depth of the queue is read when it is asked for.
func (m *Metrics) Handler(reader DepthReader) http.Handler {
	served := promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
		defer cancel()
		if depth, err := reader.Depth(ctx); err == nil {
			m.depth.Reset()
			for _, row := range depth.Rows {
				m.depth.WithLabelValues(string(row.Kind), row.State).Set(float64(row.Count))
			}
			m.oldest.Set(depth.Oldest.Seconds())
		}
		served.ServeHTTP(w, r)
	})
}
