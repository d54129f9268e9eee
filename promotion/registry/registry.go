// Package registry reads and sets tags in container registries, and reads the labels of images: Amazon ECR through its own API, and every other one
// through the OCI distribution API. Which it is, the host's name says.
package registry

import (
	"context"
	"net/http"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/verbatim-dev/verbatim/promotion"
)

// Options are what a Registry can be given. The zero value works.
type Options struct {
	UserAgent string
	Timeout   time.Duration                                         // of one request; 0: 10 seconds
	Roles     map[string]Role                                       // to assume, by registry host
	Keychain  authn.Keychain                                        // nil: Docker's, and those of Google's registries
	Transport http.RoundTripper                                     // nil: one of our own
	Around    func(http.RoundTripper) http.RoundTripper             // around the transport of registries other than ECR; nil: nothing
	Admit     Admit                                                 // before each call to ECR; nil: at once
	Pace      func(ctx context.Context, account string) error       // before each PutImage to an account and region of ECR; nil: at once
	AWS       func(context.Context) (aws.Config, error)             // nil: the SDK's own chain
	Observe   func(host, route, outcome string, took time.Duration) // nil: nobody is told
	Now       func() time.Time                                      // nil: time.Now
}

// Role is an AWS role to assume, with the external id that its trust policy may ask for.
type Role struct {
	ARN        string
	ExternalID string
}

// Admit waits for a call's turn, and gives what must be told of its outcome: the answer's status, or the error.
type Admit func(ctx context.Context, host string) (done func(status int, err error), err error)

const defaultTimeout = 10 * time.Second

// Registry routes to the adapter of each host. It is safe for concurrent use.
type Registry struct {
	ecr *ecrAdapter
	oci *ociAdapter
}

var (
	_ promotion.Registry    = (*Registry)(nil)
	_ promotion.ImageReader = (*Registry)(nil)
)

// New makes a Registry. It makes no calls.
func New(options Options) *Registry {
	if options.Timeout <= 0 {
		options.Timeout = defaultTimeout
	}
	if options.Transport == nil {
		options.Transport = newTransport()
	}
	if options.Around != nil {
		options.Transport = options.Around(options.Transport)
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	return &Registry{ecr: newECR(options), oci: newOCI(options)}
}

// Resolve gives what the tag names, in one call. It returns promotion.ErrNotFound when there is no such tag,
// a *promotion.PermanentError when trying again cannot help, and other errors when it may.
func (r *Registry) Resolve(ctx context.Context, repository promotion.RegistryRepository, tag string) (promotion.TaggedManifest, error) {
	return r.adapter(repository).Resolve(ctx, repository, tag)
}

// Inspect gives the manifest of the digest and what the tags name: one call of ECR, or one for each of them elsewhere. The
// manifest's bytes are hashed: what does not hash to the digest is an error.
func (r *Registry) Inspect(ctx context.Context, repository promotion.RegistryRepository, digest promotion.Digest, tags []string) (promotion.Inspection, error) {
	return r.adapter(repository).Inspect(ctx, repository, digest, tags)
}

// SetTag puts the manifest's exact bytes under the tag, in one call. It returns promotion.ErrTagImmutable when the
// registry does not let the tag move. Repeating it is harmless.
func (r *Registry) SetTag(ctx context.Context, repository promotion.RegistryRepository, manifest promotion.Manifest, tag string) error {
	return r.adapter(repository).SetTag(ctx, repository, manifest, tag)
}

// Labels gives the labels of the manifest's image, or of every image of the index in its order; an index without any is
// an error. What BuildKit puts beside images, and what is no image, is left out. ECR: one call for the images of an index,
// and two for each config; elsewhere one for each image of an index and each config. All bytes are hashed, those of the
// manifest too. It returns a *promotion.PermanentError when they are not what they should be, or not there.
func (r *Registry) Labels(ctx context.Context, repository promotion.RegistryRepository, manifest promotion.Manifest) ([]promotion.ImageLabels, error) {
	return r.adapter(repository).Labels(ctx, repository, manifest)
}

// TagRules gives which tags can be moved: one call of ECR, whose answer is kept for ten minutes (an error is not), and none
// elsewhere. Known is false where nobody can tell: outside of ECR, or when ECR does not let us look.
func (r *Registry) TagRules(ctx context.Context, repository promotion.RegistryRepository) (promotion.TagRules, error) {
	return r.adapter(repository).TagRules(ctx, repository)
}

// adapter is what each kind of registry has.
type adapter interface {
	promotion.Registry
	promotion.ImageReader
}

func (r *Registry) adapter(repository promotion.RegistryRepository) adapter {
	if _, isECR := parseECRHost(repository.Host()); isECR {
		return r.ecr
	}
	return r.oci
}

// ecrHost is what the name of an ECR registry says
// (https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html).
type ecrHost struct {
	account string
	region  string
}

var ecrHostPattern = regexp.MustCompile(`^([0-9]{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws|on\.amazonwebservices\.com\.cn)$`)

func parseECRHost(host string) (ecrHost, bool) {
	found := ecrHostPattern.FindStringSubmatch(host)
	if found == nil {
		return ecrHost{}, false
	}
	return ecrHost{account: found[1], region: found[2]}, true
}

// The media types of what can be promoted: manifests and indexes, Docker's and OCI's
// (https://github.com/opencontainers/image-spec/blob/v1.1.1/media-types.md#compatibility-matrix).
var mediaTypes = []string{ // indexes first
	"application/vnd.oci.image.index.v1+json",
	"application/vnd.docker.distribution.manifest.list.v2+json",
	"application/vnd.oci.image.manifest.v1+json",
	"application/vnd.docker.distribution.manifest.v2+json",
}

// maximumManifest is how many bytes a manifest may have: ECR's limit, and what the OCI distribution specification asks
// registries to take at least (section "Pushing Manifests").
const maximumManifest = 4 << 20
