package registry

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/google"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"

	"github.com/verbatim-dev/verbatim/promotion"
)

// ociAdapter speaks the OCI distribution API. It keeps its connections and tokens: a registry is greeted once.
type ociAdapter struct {
	options  []remote.Option
	keychain authn.Keychain
	guard    http.RoundTripper
	timeout  time.Duration

	mutex sync.Mutex
	kept  *clients
}

// clients are what reads and what writes. They keep the credentials that they resolved first.
type clients struct {
	puller *remote.Puller
	pusher *remote.Pusher
}

func newOCI(options Options) *ociAdapter {
	keychain := options.Keychain
	if keychain == nil {
		keychain = authn.NewMultiKeychain(authn.DefaultKeychain, google.Keychain)
	}
	guarded := &guard{next: options.Transport, timeout: options.Timeout, now: options.Now, observe: options.Observe}
	return &ociAdapter{
		timeout: options.Timeout, keychain: keychain, guard: guarded,
		options: []remote.Option{
			remote.WithAuthFromKeychain(keychain),
			remote.WithTransport(guarded),
			remote.WithUserAgent(options.UserAgent),
			remote.WithRetryPredicate(worthRepeating),
			remote.WithRetryBackoff(remote.Backoff{Duration: 100 * time.Millisecond, Factor: 3, Jitter: 0.3, Steps: 3}),
		},
	}
}

// with runs one operation with the clients, made at first use. When the registry does not take the credentials, they are
// resolved anew, once: the password may have been rotated, or the helper's token be too old.
func (o *ociAdapter) with(act func(*clients) error) error {
	used, err := o.clients()
	if err != nil {
		return err
	}
	err = act(used)
	if status, answered := statusOf(err); !answered || status != http.StatusUnauthorized {
		return err
	}
	o.forget(used)
	if used, err = o.clients(); err != nil {
		return err
	}
	return act(used)
}

func (o *ociAdapter) clients() (*clients, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.kept == nil {
		puller, err := remote.NewPuller(o.options...)
		if err != nil {
			return nil, err
		}
		pusher, err := remote.NewPusher(o.options...)
		if err != nil {
			return nil, err
		}
		o.kept = &clients{puller, pusher}
	}
	return o.kept, nil
}

// forget drops the clients, unless another call has replaced them already.
func (o *ociAdapter) forget(used *clients) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.kept == used {
		o.kept = nil
	}
}

// Resolve asks with HEAD, and with GET where HEAD does not tell the digest.
func (o *ociAdapter) Resolve(ctx context.Context, repository promotion.RegistryRepository, tag string) (promotion.TaggedManifest, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*o.timeout)
	defer cancel()
	reference, err := name.NewTag(repository.String()+":"+tag, name.StrictValidation)
	if err != nil {
		return promotion.TaggedManifest{}, &promotion.PermanentError{Err: fmt.Errorf("read tag %s: %w", tag, err)}
	}
	var head *v1.Descriptor
	var got *remote.Descriptor
	err = o.with(func(c *clients) (err error) {
		if head, err = c.puller.Head(ctx, reference); err != nil && headTellsNothing(err) {
			got, err = c.puller.Get(ctx, reference)
		}
		return err
	})
	switch {
	case err != nil:
		return promotion.TaggedManifest{}, explain(fmt.Sprintf("read tag %s of %s", tag, repository), repository.Host(), err)
	case got == nil:
		return tagged(head.Digest.String(), string(head.MediaType))
	}
	return tagged(promotion.DigestOf(sha256.Sum256(got.Manifest)).String(), string(got.MediaType))
}

func tagged(digest, mediaType string) (promotion.TaggedManifest, error) {
	parsed, err := promotion.ParseDigest(digest)
	if err != nil {
		return promotion.TaggedManifest{}, &promotion.PermanentError{Err: fmt.Errorf("the registry answered: %w", err)}
	}
	return promotion.TaggedManifest{Digest: parsed, MediaType: mediaType}, nil
}

// Inspect asks for the manifest and for each tag, all at once. One that fails does not end the others: theirs may be the
// answer from which it is learned that a registry is back.
func (o *ociAdapter) Inspect(ctx context.Context, repository promotion.RegistryRepository, digest promotion.Digest, tags []string) (promotion.Inspection, error) {
	inspection := promotion.Inspection{Tags: map[string]promotion.TaggedManifest{}}
	var mutex sync.Mutex
	var group errgroup.Group
	group.SetLimit(8)
	for _, tag := range tags {
		group.Go(func() error {
			named, err := o.Resolve(ctx, repository, tag)
			if errors.Is(err, promotion.ErrNotFound) {
				return nil
			}
			if err != nil {
				return err
			}
			mutex.Lock()
			defer mutex.Unlock()
			inspection.Tags[tag] = named
			return nil
		})
	}
	if !digest.IsZero() {
		group.Go(func() error {
			manifest, err := o.manifest(ctx, repository, digest)
			if errors.Is(err, promotion.ErrNotFound) {
				return nil
			}
			inspection.Manifest = manifest
			return err
		})
	}
	return inspection, group.Wait()
}

// manifest gets the exact bytes of a digest.
func (o *ociAdapter) manifest(ctx context.Context, repository promotion.RegistryRepository, digest promotion.Digest) (promotion.Manifest, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*o.timeout)
	defer cancel()
	doing := fmt.Sprintf("read %s of %s", digest, repository)
	reference, err := name.NewDigest(repository.String()+"@"+digest.String(), name.StrictValidation)
	if err != nil {
		return promotion.Manifest{}, &promotion.PermanentError{Err: fmt.Errorf("%s: %w", doing, err)}
	}
	var got *remote.Descriptor
	err = o.with(func(c *clients) (err error) { got, err = c.puller.Get(ctx, reference); return err })
	if err != nil {
		return promotion.Manifest{}, explain(doing, repository.Host(), err)
	}
	return verified(doing, promotion.Manifest{Digest: digest, MediaType: string(got.MediaType), Bytes: got.Manifest})
}

// verified holds the bytes against the digest: a registry is not believed.
func verified(doing string, manifest promotion.Manifest) (promotion.Manifest, error) {
	if err := hashed(doing, manifest.Digest, manifest.Bytes); err != nil {
		return promotion.Manifest{}, err
	}
	if len(manifest.Bytes) > maximumManifest {
		return promotion.Manifest{}, &promotion.PermanentError{Err: fmt.Errorf("%s: the manifest has %d bytes, expected at most %d", doing, len(manifest.Bytes), maximumManifest)}
	}
	return manifest, nil
}

// rawManifest is put as it is: nothing of it is parsed, written anew or uploaded beside it.
type rawManifest struct{ promotion.Manifest }

func (m rawManifest) RawManifest() ([]byte, error) { return m.Bytes, nil }

func (m rawManifest) MediaType() (types.MediaType, error) {
	return types.MediaType(m.Manifest.MediaType), nil
}

// SetTag puts the bytes under the tag.
func (o *ociAdapter) SetTag(ctx context.Context, repository promotion.RegistryRepository, manifest promotion.Manifest, tag string) error {
	ctx, cancel := context.WithTimeout(ctx, 3*o.timeout)
	defer cancel()
	doing := fmt.Sprintf("set tag %s of %s", tag, repository)
	reference, err := name.NewTag(repository.String()+":"+tag, name.StrictValidation)
	if err != nil {
		return &promotion.PermanentError{Err: fmt.Errorf("%s: %w", doing, err)}
	}
	if _, err := verified(doing, manifest); err != nil {
		return err
	}
	err = o.with(func(c *clients) error { return c.pusher.Put(ctx, reference, rawManifest{manifest}) })
	if err != nil {
		return explain(doing, repository.Host(), err)
	}
	return nil
}

// headTellsNothing reports whether a HEAD was answered, but without what it was asked for.
func headTellsNothing(err error) bool {
	if status, found := statusOf(err); found {
		return status == http.StatusMethodNotAllowed || status == http.StatusNotImplemented || status == http.StatusBadRequest
	}
	return strings.Contains(err.Error(), "response did not include")
}
