package bench_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/verbatim-dev/verbatim/internal/postgrestest"
	"github.com/verbatim-dev/verbatim/promotion"
	"github.com/verbatim-dev/verbatim/promotion/ledger"
)

// BenchmarkGrowth: what a decision and a check run read, from a ledger of ten thousand verifications and, when
// VERBATIM_BENCH_ROWS says how many, of more. Three verifications a commit, every tenth commit promoted, each three
// thousandth in a repository of its own.
func BenchmarkGrowth(b *testing.B) {
	sizes := []int{10_000}
	if more, err := strconv.Atoi(os.Getenv("VERBATIM_BENCH_ROWS")); err == nil {
		sizes = append(sizes, more)
	}
	for _, rows := range sizes {
		b.Run(fmt.Sprintf("sqlite/rows=%d", rows), func(b *testing.B) {
			grow(b, "sqlite:"+filepath.Join(b.TempDir(), "verbatim.db"), "sqlite", rows)
		})
		if !postgrestest.Available() {
			continue
		}
		b.Run(fmt.Sprintf("postgres/rows=%d", rows), func(b *testing.B) {
			address, remove, err := postgrestest.New(context.Background())
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = remove() })
			grow(b, address, "pgx", rows)
		})
	}
}

const (
	commitsOfRepository = 3000
	promotedEvery       = 10
)

// grow fills a ledger and measures it.
func grow(b *testing.B, url, driver string, rows int) {
	b.Helper()
	book, err := ledger.Open(b.Context(), url, time.Now)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = book.Close() })
	database, err := sql.Open(driver, strings.TrimPrefix(url, "sqlite:"))
	if err != nil {
		b.Fatal(err)
	}
	if driver == "sqlite" { // filling it quickly is not what is measured
		database.SetMaxOpenConns(1)
		if _, err := database.ExecContext(b.Context(), "PRAGMA cache_size = -1000000; PRAGMA synchronous = OFF"); err != nil {
			b.Fatal(err)
		}
	}
	if err := fill(b.Context(), database, driver, rows/3); err != nil {
		b.Fatal(err)
	}
	if _, err := database.ExecContext(b.Context(), "ANALYZE"); err != nil {
		b.Fatal(err)
	}
	if err := database.Close(); err != nil {
		b.Fatal(err)
	}
	repository, commit := repositoryOf(rows/6), commitOf(rows/6)
	digest := digestOf(rows / 6)
	queries := map[string]func(ctx context.Context) error{
		"decision": func(ctx context.Context) error {
			if records, err := book.Records(ctx, repository, commit); err != nil || len(records["api"].Verifications) != 3 {
				return fmt.Errorf("%d records: %w", len(records["api"].Verifications), err)
			}
			if _, err := book.Live(ctx, repository, "production", "api"); err != nil {
				return err
			}
			if _, err := book.Intrusions(ctx, repository, "api", "staging", digest); err != nil {
				return err
			}
			_, err := book.Entries(ctx, repository, promotion.EntryFilter{Kinds: []promotion.EntryKind{promotion.EntryHold, promotion.EntryResume}})
			return err
		},
		"check-run": func(ctx context.Context) error {
			if _, err := book.Records(ctx, repository, commit); err != nil {
				return err
			}
			if _, err := book.Sequence(ctx, repository, "production"); err != nil {
				return err
			}
			_, err := book.Entries(ctx, repository, promotion.EntryFilter{Kinds: []promotion.EntryKind{promotion.EntryApproval, promotion.EntryMerge}, Commit: commit})
			return err
		},
		"commits": func(ctx context.Context) error {
			if _, err := book.VerifiedCommits(ctx, repository, "api", 50); err != nil {
				return err
			}
			if _, err := book.CommitsOf(ctx, repository, "api", digest); err != nil {
				return err
			}
			_, err := book.Origin(ctx, repository, "api", digest)
			return err
		},
	}
	for _, name := range []string{"decision", "check-run", "commits"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := queries[name](b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func repositoryOf(number int) int64 { return int64(number/commitsOfRepository) + 1 }

func commitOf(number int) promotion.Commit {
	commit, _ := promotion.ParseCommit(fmt.Sprintf("%040x", uint64(number)*0x9E3779B97F4A7C15)) // spread as hashes are
	return commit
}

func digestOf(number int) promotion.Digest {
	digest, _ := promotion.ParseDigest(fmt.Sprintf("sha256:%064x", uint64(number)*0xC2B2AE3D27D4EB4F))
	return digest
}

// fill writes so many commits, as the ledger would have them, some thousand in a transaction.
func fill(ctx context.Context, database *sql.DB, driver string, commits int) error {
	const atOnce = 20_000
	for first := 0; first < commits; first += atOnce {
		tx, err := database.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		batch := map[string][]any{}
		for number := first; number < min(first+atOnce, commits); number++ {
			addCommit(batch, number)
			if number%100 == 99 {
				if err := flush(ctx, tx, driver, batch); err != nil {
					return err
				}
			}
		}
		if err := flush(ctx, tx, driver, batch); err != nil {
			return err
		}
		if err := tx.Commit(); err != nil {
			return err
		}
	}
	return nil
}

const (
	verificationColumns = "verifications (id, repository, image, commit_sha, stage, run, attempt, judged, final, jobs, digest, failure, definition, recorded, content)"
	startColumns        = "starts (repository, image, commit_sha, stage, run, attempt, job, digest, run_started, observed)"
	promotionColumns    = "promotions (id, request, repository, environment, image, kind, state, commit_sha, digest, created, finished, content)"
	entryColumns        = "entries (id, key, kind, repository, environment, pull_request, commit_sha, at, content)"
)

var widths = map[string]int{verificationColumns: 15, startColumns: 10, promotionColumns: 12, entryColumns: 9}

func addCommit(batch map[string][]any, number int) {
	repository, commit, digest := repositoryOf(number), commitOf(number), digestOf(number)
	at := time.UnixMicro(1_700_000_000_000_000 + int64(number)*1_000_000).UTC()
	for i, stage := range []string{"build", "test", "staging"} {
		run := int64(3*number + i + 1)
		content, _ := json.Marshal(promotion.Verification{
			Repository: repository, Image: "api", Commit: commit, Stage: stage, Run: run, Attempt: 1, Judged: 1, Final: true, Digest: digest,
			Conclusion: "success", Started: at, Ended: at.Add(time.Minute), Recorded: at, Definition: "0123456789abcdef",
		})
		batch[verificationColumns] = append(batch[verificationColumns], run, repository, "api", commit.String(), stage, run, 1, 1, 1, "", digest.String(), "", "0123456789abcdef", at.UnixMicro(), string(content))
		batch[startColumns] = append(batch[startColumns], repository, "api", commit.String(), stage, run, 1, 0, digest.String(), at.UnixMicro(), at.UnixMicro())
	}
	if number%promotedEvery == 0 {
		content, _ := json.Marshal(promotion.Promotion{
			ID: int64(number + 1), Repository: repository, Environment: "production", Image: "api", Kind: promotion.KindPromotion, State: promotion.Succeeded,
			Commit: commit, Digest: digest, Created: at, Finished: at,
		})
		batch[promotionColumns] = append(batch[promotionColumns], number+1, number+1, repository, "production", "api", "promotion", "succeeded", commit.String(), digest.String(), at.UnixMicro(), at.UnixMicro(), string(content))
		entry, _ := json.Marshal(promotion.Entry{Key: fmt.Sprint("merge/", number), Kind: promotion.EntryMerge, Repository: repository, Commit: commit, PullRequest: number})
		batch[entryColumns] = append(batch[entryColumns], number+1, fmt.Sprint("merge/", number), "merge", repository, "", number, commit.String(), at.UnixMicro(), string(entry))
	}
}

// flush writes what was gathered, a table at a time.
func flush(ctx context.Context, tx *sql.Tx, driver string, batch map[string][]any) error {
	for columns, values := range batch {
		if len(values) == 0 {
			continue
		}
		var statement strings.Builder
		statement.WriteString("INSERT INTO " + columns + " VALUES ")
		for i := range values {
			switch {
			case i%widths[columns] > 0:
				statement.WriteString(", ")
			case i > 0:
				statement.WriteString("), (")
			default:
				statement.WriteString("(")
			}
			if driver == "sqlite" {
				statement.WriteString("?") // it looks for names one by one
			} else {
				fmt.Fprintf(&statement, "$%d", i+1)
			}
		}
		statement.WriteString(")")
		if _, err := tx.ExecContext(ctx, statement.String(), values...); err != nil {
			return err
		}
		batch[columns] = values[:0]
	}
	return nil
}
