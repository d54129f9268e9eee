package evidence

import (
	"io"
	"strings"

	"github.com/verbatim-dev/verbatim/promotion"
)

const (
	maximumText    = 64 << 10 // bytes of a digest artifact's text
	maximumDigests = 100      // lines of it
)

// Digests reads the artifact's one text: a digest a line, as sha256:…, image@sha256:… or image:tag@sha256:…; empty lines and
// those that begin with # say nothing. It returns a *promotion.EvidenceError for anything else.
func (r Reader) Digests(content promotion.ArtifactContent) ([]promotion.ReportedDigest, error) {
	opened, err := r.open(content)
	if err != nil {
		return nil, err
	}
	if len(opened.files) != 1 {
		return nil, wrong("expected one text file with digests, found %s", opened.names())
	}
	source, err := opened.read(opened.files[0])
	if err != nil {
		return nil, err
	}
	defer func() { _ = source.Close() }()
	name := opened.files[0].name
	text, err := io.ReadAll(io.LimitReader(source, maximumText+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maximumText {
		return nil, wrong("%.100q has more than %d bytes: expected a digest a line", name, maximumText)
	}
	var digests []promotion.ReportedDigest
	for i, line := range strings.Split(strings.TrimPrefix(string(text), "\ufeff"), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		digest, err := reportedDigest(line)
		if err != nil {
			return nil, wrong("%.100q, line %d: expected sha256:… or image@sha256:…, found %.100q", name, i+1, line)
		}
		if digests = append(digests, digest); len(digests) > maximumDigests {
			return nil, wrong("%.100q names more than %d digests", name, maximumDigests)
		}
	}
	if len(digests) == 0 {
		return nil, wrong("%.100q names no digest", name)
	}
	return digests, nil
}

// reportedDigest reads one line. What stands behind the last colon after the last slash of an image's name is its tag.
func reportedDigest(line string) (promotion.ReportedDigest, error) {
	image, digest, named := strings.Cut(line, "@")
	if !named {
		image, digest = "", line
	}
	parsed, err := promotion.ParseDigest(digest)
	if err != nil || named && image == "" || strings.ContainsAny(image, " \t") {
		return promotion.ReportedDigest{}, wrong("no digest")
	}
	reported := promotion.ReportedDigest{Image: image, Digest: parsed}
	if colon := strings.LastIndex(image, ":"); colon > strings.LastIndex(image, "/") {
		reported.Image, reported.Tag = image[:colon], image[colon+1:]
	}
	return reported, nil
}
