package evidence

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"mime"
	"strings"

	"github.com/verbatim-dev/verbatim/promotion"
)

// file is one file of an artifact.
type file struct {
	name   string
	packed int64 // bytes of it in the artifact
	alone  bool  // the whole artifact is this file: what it is tells its content, not its name
	unpack func() (io.ReadCloser, error)
}

// packing is how an artifact's files are packed.
type packing int

const (
	raw packing = iota
	zipArchive
	gzipFile
)

// packings are the media types that say it. upload-artifact writes "zip"; Docker's artifacts are gzip.
var packings = map[string]packing{
	"zip": zipArchive, "application/zip": zipArchive, "application/x-zip": zipArchive, "application/x-zip-compressed": zipArchive,
	"gzip": gzipFile, "application/gzip": gzipFile, "application/x-gzip": gzipFile,
}

// packingOf tells it by the answer's media type, and where that says nothing of it by the first bytes: no report begins
// like a zip (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.6) or gzip (RFC 1952, 2.3.1).
func packingOf(content promotion.ArtifactContent) packing {
	kind, _, _ := mime.ParseMediaType(content.Type)
	if known, found := packings[strings.ToLower(kind)]; found {
		return known
	}
	switch {
	case bytes.HasPrefix(content.Bytes, []byte("PK\x03\x04")), bytes.HasPrefix(content.Bytes, []byte("PK\x05\x06")):
		return zipArchive
	case bytes.HasPrefix(content.Bytes, []byte("\x1f\x8b")):
		return gzipFile
	}
	return raw
}

// open looks at what the artifact is before any of it is read.
func (r Reader) open(content promotion.ArtifactContent) (*archive, error) {
	limits := r.limits()
	only := file{name: content.Name, packed: int64(len(content.Bytes)), alone: true}
	switch packingOf(content) {
	case zipArchive:
		return limits.openZip(content.Bytes)
	case gzipFile:
		if _, err := gzip.NewReader(bytes.NewReader(content.Bytes)); err != nil {
			return nil, wrong("it is no gzip file that can be read: %s", err)
		}
		only.name = strings.TrimSuffix(only.name, ".gz")
		only.unpack = func() (io.ReadCloser, error) { return gzip.NewReader(bytes.NewReader(content.Bytes)) }
	default:
		only.unpack = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content.Bytes)), nil }
	}
	return &archive{limits: limits, files: []file{only}, left: limits.Total}, nil
}

func fileOf(entry *zip.File) file {
	return file{name: entry.Name, packed: int64(min(entry.CompressedSize64, 1<<40)), unpack: entry.Open}
}
