package provenance

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/tuf"
	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// repository is a TUF repository that publishes a trusted_root.json, and where trust in it begins.
type repository struct {
	name    string // for people
	address string
	demand  demand

	root     []byte // its first root metadata; or else
	rootFile string // where the repository has it,
	rootSum  string // and the SHA-256 that it must have
}

// sigstore's root metadata comes with sigstore-go. Of GitHub's the program holds the hash: that of version 3, which
// `gh` embeds (https://github.com/cli/cli, pkg/cmd/attestation/verification/embed/tuf-repo.github.com/root.json). TUF
// goes from there to the newest, whether or not the old one has expired
// (https://theupdateframework.github.io/specification/latest/#update-root).
var (
	publicRepository = repository{
		name: "sigstore's public trust root", address: tuf.DefaultMirror, demand: publicDemand, root: tuf.DefaultRoot(),
	}
	githubRepository = repository{
		name: "GitHub's trust root", address: "https://tuf-repo.github.com", demand: githubDemand,
		rootFile: "3.root.json", rootSum: "98cba97be9075bc98b2322de3de85fbd1b70ec7392991dfd2f53d215bede1a8d",
	}
)

const mostRootBytes = 1 << 20

// fetch gives a function that obtains the repository's trusted root: from the cache directory while that is not a day
// old, else over the network.
func (r repository) fetch(options Options) func(context.Context) ([]trustRoot, error) {
	return func(ctx context.Context) ([]trustRoot, error) {
		download := downloader{ctx: ctx, client: cmp.Or(options.HTTP, http.DefaultClient)}
		start, err := r.start(download, options.CacheDirectory)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
		settings := &tuf.Options{
			Root: start, RepositoryBaseURL: r.address, Fetcher: download, Context: ctx,
			CachePath: options.CacheDirectory, CacheValidity: 1, DisableLocalCache: options.CacheDirectory == "",
		}
		material, err := root.FetchTrustedRootWithOptions(settings)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
		fetched, err := newTrustRoot(r.name, material, r.demand)
		return []trustRoot{fetched}, err
	}
}

// start gives the metadata in which trust begins. What is kept in the cache directory is not trusted more than what the
// network gives.
func (r repository) start(download downloader, cache string) ([]byte, error) {
	if r.root != nil {
		return r.root, nil
	}
	path := filepath.Join(cache, tuf.URLToPath(r.address)+"."+r.rootFile)
	if cache != "" {
		if text, err := os.ReadFile(path); err == nil && sumOf(text) == r.rootSum {
			return text, nil
		}
	}
	text, err := download.DownloadFile(r.address+"/"+r.rootFile, mostRootBytes, 0)
	if err != nil {
		return nil, err
	}
	if found := sumOf(text); found != r.rootSum {
		return nil, fmt.Errorf("%s/%s: expected SHA-256 %s, found %s", r.address, r.rootFile, r.rootSum, found)
	}
	if cache != "" {
		if err := os.MkdirAll(cache, 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return nil, err
		}
	}
	return text, nil
}

func sumOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// downloader is TUF's way to the network during one fetch, whose context it keeps: the library passes none.
type downloader struct {
	ctx    context.Context
	client *http.Client
}

// DownloadFile gives what is at the address. A *metadata.ErrDownloadHTTP when the answer is not 200, by which TUF knows
// that there is no newer root; a *metadata.ErrDownloadLengthMismatch when it is longer than most bytes.
func (d downloader) DownloadFile(address string, most int64, _ time.Duration) ([]byte, error) {
	request, err := http.NewRequestWithContext(d.ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := d.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, &metadata.ErrDownloadHTTP{StatusCode: response.StatusCode, URL: address}
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > most {
		return nil, &metadata.ErrDownloadLengthMismatch{Msg: fmt.Sprintf("%s: expected at most %d bytes", address, most)}
	}
	return text, nil
}
