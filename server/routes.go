package server

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/palantir/go-githubapp/githubapp"

	"github.com/verbatim-dev/verbatim/internal/selfcheck"
)

// routes are what the public listener serves.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, status{Status: "ok"}) })
	mux.HandleFunc("GET /readyz", s.ready)
	if s.worker == nil {
		mux.HandleFunc(githubapp.DefaultWebhookRoute, func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, notConfigured, http.StatusServiceUnavailable)
		})
		return mux
	}
	mux.Handle(githubapp.DefaultWebhookRoute, s.intake)
	return mux
}

const notConfigured = "no GitHub App is configured: set GITHUB_APP_INTEGRATION_ID, GITHUB_APP_PRIVATE_KEY and GITHUB_APP_WEBHOOK_SECRET"

// metricsRoutes are what the listener of operators serves.
func (s *Server) metricsRoutes() http.Handler {
	mux := http.NewServeMux()
	var spending Spending
	if s.budget != nil {
		spending = s.budget
	}
	mux.Handle("GET /metrics", s.metrics.Handler(s.ledger, spending, s.board))
	return mux
}

type status struct {
	Status   string              `json:"status"`
	Reason   string              `json:"reason,omitempty"`
	Degraded []selfcheck.Finding `json:"degraded,omitempty"` // what does not work although deliveries are kept
	Held     string              `json:"held,omitempty"`     // why everything is held, and how that is lifted
}

// ready answers 200 when deliveries can be kept, with what else is degraded, and 503 with the reason when they cannot.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	if s.worker == nil {
		answer(w, http.StatusServiceUnavailable, status{Status: "not ready", Reason: notConfigured})
		return
	}
	if err := s.ledger.Healthy(ctx); err != nil {
		answer(w, http.StatusServiceUnavailable, status{Status: "not ready", Reason: "the ledger: " + err.Error(), Degraded: s.board.Degraded()})
		return
	}
	answer(w, http.StatusOK, status{Status: "ready", Held: s.heldEverywhere(ctx), Degraded: s.board.Degraded()})
}

func answer(w http.ResponseWriter, code int, body status) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	// The client may be gone; there is nobody to tell.
	_ = json.NewEncoder(w).Encode(body)
}
