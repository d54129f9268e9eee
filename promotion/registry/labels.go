package registry

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/verbatim-dev/verbatim/promotion"
)

const (
	// maximumImages is how many images of an index are looked at: more than there are platforms that people build for.
	maximumImages = 32
	// maximumConfig is how many bytes the config of an image may have.
	maximumConfig = 4 << 20
)

// imageSource gives the parts of images by digest, each hashed and found to be that digest.
type imageSource interface {
	// children gives a way to read the manifests of the digests, made for all of them.
	children(ctx context.Context, repository promotion.RegistryRepository, digests []promotion.Digest) (func(context.Context, promotion.Digest) ([]byte, error), error)
	// blob gives a blob of at most maximumConfig bytes.
	blob(ctx context.Context, repository promotion.RegistryRepository, digest promotion.Digest) ([]byte, error)
}

// labelsOf reads the labels of the image, or of every image of the index.
func labelsOf(ctx context.Context, source imageSource, repository promotion.RegistryRepository, manifest promotion.Manifest) ([]promotion.ImageLabels, error) {
	doing := fmt.Sprintf("read the labels of %s of %s", manifest.Digest, repository)
	if _, err := verified(doing, manifest); err != nil {
		return nil, err
	}
	document, err := parseManifest(doing, manifest)
	if err != nil {
		return nil, err
	}
	if !document.isIndex {
		labels, err := imageLabels(ctx, source, repository, manifest.Digest, document)
		if err != nil {
			return nil, err
		}
		return []promotion.ImageLabels{{Digest: manifest.Digest, Labels: labels.Config.Labels}}, nil
	}
	entries, err := platformEntries(doing, document)
	if err != nil {
		return nil, err
	}
	digests := make([]promotion.Digest, 0, len(entries))
	for _, entry := range entries {
		if !slices.Contains(digests, entry.digest) {
			digests = append(digests, entry.digest)
		}
	}
	child, err := source.children(ctx, repository, digests)
	if err != nil {
		return nil, partGone(doing, err)
	}
	images := make([]promotion.ImageLabels, len(entries))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i, entry := range entries {
		group.Go(func() (err error) {
			images[i], err = entryLabels(ctx, source, repository, entry, child)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return images, nil
}

// entryLabels reads the labels of one image of an index.
func entryLabels(
	ctx context.Context, source imageSource, repository promotion.RegistryRepository, entry platformEntry, child func(context.Context, promotion.Digest) ([]byte, error),
) (promotion.ImageLabels, error) {
	none := promotion.ImageLabels{}
	doing := fmt.Sprintf("read the labels of %s of %s", entry.digest, repository)
	content, err := child(ctx, entry.digest)
	if err != nil {
		return none, partGone(doing, err)
	}
	document, err := parseManifest(doing, promotion.Manifest{Digest: entry.digest, MediaType: entry.mediaType, Bytes: content})
	if err != nil {
		return none, err
	}
	config, err := imageLabels(ctx, source, repository, entry.digest, document)
	if err != nil {
		return none, err
	}
	// An entry that does not say its platform is run on that of its config, as containerd does.
	platform := cmp.Or(entry.platform, config.platform)
	text, err := platform.text(doing)
	return promotion.ImageLabels{Platform: text, Digest: entry.digest, Labels: config.Config.Labels}, err
}

// imageConfig is what is read of an image's config
// (https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md#properties).
type imageConfig struct {
	platform
	Config struct {
		Labels map[string]string `json:"Labels"`
	} `json:"config"`
}

// imageLabels reads the config that a manifest names.
func imageLabels(ctx context.Context, source imageSource, repository promotion.RegistryRepository, of promotion.Digest, document manifestDocument) (imageConfig, error) {
	config := imageConfig{}
	doing := fmt.Sprintf("read the labels of %s of %s", of, repository)
	digest, err := promotion.ParseDigest(document.Config.Digest)
	if err != nil {
		return config, wrong(doing, "its config: %s", err)
	}
	if document.Config.Size < 0 || document.Config.Size > maximumConfig {
		return config, wrong(doing, "its config has %d bytes, expected at most %d", document.Config.Size, maximumConfig)
	}
	content, err := source.blob(ctx, repository, digest)
	if err != nil {
		return config, partGone(doing, err)
	}
	if err := json.Unmarshal(content, &config); err != nil {
		return config, wrong(doing, "its config %s is not what an image's config is: %s", digest, err)
	}
	return config, nil
}

// manifestDocument is what is read of a manifest or an index.
type manifestDocument struct {
	MediaType string          `json:"mediaType"`
	Config    *descriptor     `json:"config"`
	Layers    json.RawMessage `json:"layers"`
	Manifests *[]descriptor   `json:"manifests"`
	isIndex   bool
}

// descriptor is an entry of an index, or names a config
// (https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#properties).
type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Platform    platform          `json:"platform"`
	Annotations map[string]string `json:"annotations"`
}

type platform struct {
	OS           string `json:"os"`
	Architecture string `json:"architecture"`
	Variant      string `json:"variant"`
}

var platformPart = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// text gives "linux/arm64/v8", or "" for none.
func (p platform) text(doing string) (string, error) {
	if p == (platform{}) {
		return "", nil
	}
	parts := []string{p.OS, p.Architecture}
	if p.Variant != "" {
		parts = append(parts, p.Variant)
	}
	for _, part := range parts {
		if !platformPart.MatchString(part) {
			return "", wrong(doing, "expected a platform such as linux/amd64, found %.200q", strings.Join(parts, "/"))
		}
	}
	return strings.Join(parts, "/"), nil
}

// parseManifest reads a manifest or an index. Bytes that one reader could take for the one and another for the other are
// refused (CVE-2021-41190: https://github.com/opencontainers/image-spec/security/advisories/GHSA-77vh-xpmg-72qh).
func parseManifest(doing string, manifest promotion.Manifest) (manifestDocument, error) {
	var document manifestDocument
	if err := json.Unmarshal(manifest.Bytes, &document); err != nil {
		return document, wrong(doing, "it is not what a manifest is: %s", err)
	}
	mediaType := cmp.Or(manifest.MediaType, document.MediaType)
	if document.MediaType != "" && document.MediaType != mediaType {
		return document, wrong(doing, "it is named a %.100q and names itself a %.100q", mediaType, document.MediaType)
	}
	switch {
	case isIndex(mediaType):
		document.isIndex = true
		if document.Config != nil || document.Layers != nil || document.Manifests == nil {
			return document, wrong(doing, "expected an index: manifests, and neither config nor layers")
		}
	case isImage(mediaType):
		if document.Config == nil || document.Manifests != nil {
			return document, wrong(doing, "expected an image's manifest: a config, and no manifests")
		}
	default:
		return document, wrong(doing, "expected an image's manifest or an index, found a %.100q", mediaType)
	}
	return document, nil
}

func isIndex(mediaType string) bool { return slices.Contains(mediaTypes[:2], mediaType) }

func isImage(mediaType string) bool { return slices.Contains(mediaTypes[2:], mediaType) }

// platformEntry is an image of an index.
type platformEntry struct {
	digest    promotion.Digest
	mediaType string
	platform  platform
}

// platformEntries gives the images of an index, in its order, without what is no image or runs nowhere. At least one.
func platformEntries(doing string, index manifestDocument) ([]platformEntry, error) {
	var entries []platformEntry
	for _, entry := range *index.Manifests {
		switch {
		case isIndex(entry.MediaType):
			return nil, wrong(doing, "its entry %.80q is an index itself, expected images only", entry.Digest)
		case !isImage(entry.MediaType) || entry.isAttestation():
			continue
		}
		digest, err := promotion.ParseDigest(entry.Digest)
		if err != nil {
			return nil, wrong(doing, "an entry: %s", err)
		}
		if len(entries) == maximumImages {
			return nil, wrong(doing, "the index has more than %d images", maximumImages)
		}
		entries = append(entries, platformEntry{digest: digest, mediaType: entry.MediaType, platform: entry.Platform})
	}
	if len(entries) == 0 {
		return nil, wrong(doing, "the index has no image")
	}
	return entries, nil
}

// isAttestation reports whether the entry is what BuildKit puts beside images to say how they were built
// (https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md). What names a real platform is
// run there, whatever its annotations say, so that it is an image.
func (d descriptor) isAttestation() bool {
	unknown := platform{OS: "unknown", Architecture: "unknown"}
	return d.Platform == unknown || d.Platform == (platform{}) && d.Annotations["vnd.docker.reference.type"] == "attestation-manifest"
}

// hashed holds the bytes against the digest: a registry is not believed.
func hashed(doing string, digest promotion.Digest, content []byte) error {
	if sum := promotion.DigestOf(sha256.Sum256(content)); sum != digest {
		return wrong(doing, "the registry answered bytes whose digest is %s: do not trust it before you know why", sum)
	}
	return nil
}

// wrong gives an error that trying again cannot mend.
func wrong(doing, format string, arguments ...any) error {
	return &promotion.PermanentError{Err: fmt.Errorf("%s: %w", doing, fmt.Errorf(format, arguments...))}
}

// partGone tells an image of which a part is not there from an image that is not there.
func partGone(doing string, err error) error {
	if errors.Is(err, promotion.ErrNotFound) {
		return &promotion.PermanentError{Err: fmt.Errorf("%s: %s; push the image to this repository again: parts of it are gone", doing, err)} //nolint:errorlint // not wrapped: the image itself is there
	}
	return err
}
