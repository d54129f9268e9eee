// Package evidence reads what workflow runs upload as artifacts: test results, coverage and digests. Everything in an
// artifact is hostile until it was read within limits; nothing is written to disk, and nothing but numbers and names is kept.
package evidence

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/verbatim-dev/verbatim/promotion"
)

// The default limits of a Reader. A test report of the largest projects has a few hundred megabytes at most.
const (
	DefaultEntries = 10_000    // files and folders in an archive
	DefaultFile    = 64 << 20  // bytes of one file, unpacked
	DefaultTotal   = 256 << 20 // bytes of all files that are read, unpacked
	DefaultRatio   = 200       // unpacked to packed; XML reaches 60 at most
	DefaultDepth   = 20        // folders above a file
)

// chance is how often the four bytes of a signature may stand in packed data by accident.
const chance = 16

// smallFile is how large a file may get whatever its ratio: a few lines of the same character are no bomb.
const smallFile = 1 << 20

// Reader reads the archives of artifacts. The zero value has the default limits.
type Reader struct {
	Entries int
	File    int64
	Total   int64
	Ratio   int64
	Depth   int
}

var _ promotion.EvidenceReader = Reader{}

func (r Reader) limits() Reader {
	fill := func(value *int64, standard int64) {
		if *value <= 0 {
			*value = standard
		}
	}
	fill(&r.File, DefaultFile)
	fill(&r.Total, DefaultTotal)
	fill(&r.Ratio, DefaultRatio)
	if r.Entries <= 0 {
		r.Entries = DefaultEntries
	}
	if r.Depth <= 0 {
		r.Depth = DefaultDepth
	}
	return r
}

// wrong makes the error for an artifact that does not hold what it should.
func wrong(format string, arguments ...any) error {
	return &promotion.EvidenceError{Detail: fmt.Sprintf(format, arguments...)}
}

// archive is an opened artifact, whose entries were all looked at.
type archive struct {
	limits Reader
	files  []file
	left   int64 // bytes that may still be read
	short  error // a report in it claims more than it shows
}

// openZip checks every entry of the archive before any is read
// (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, sections 4.3 and 4.4).
func (r Reader) openZip(content []byte) (*archive, error) {
	limits := r
	// archive/zip holds every entry before it can be asked how many there are: they are counted by their signature first.
	if bytes.Count(content, []byte("PK\x01\x02")) > limits.Entries+chance {
		return nil, wrong("the archive has more than %d entries", limits.Entries)
	}
	opened, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // whose names are refused below, one by one
		return nil, wrong("it is no zip archive that can be read: %s", err)
	}
	if len(opened.File) > limits.Entries {
		return nil, wrong("the archive has %d entries; at most %d are read", len(opened.File), limits.Entries)
	}
	a := &archive{limits: limits, left: limits.Total}
	seen := map[string]bool{}
	for _, file := range opened.File {
		if err := limits.check(file); err != nil {
			return nil, err
		}
		if seen[file.Name] {
			return nil, wrong("the archive has two entries of the name %.100q", file.Name)
		}
		seen[file.Name] = true
		if !strings.HasSuffix(file.Name, "/") {
			a.files = append(a.files, fileOf(file))
		}
	}
	return a, nil
}

// check refuses an entry that is not an ordinary file or folder below the archive's root, or that claims to be a bomb.
func (r Reader) check(file *zip.File) error {
	name := strings.TrimSuffix(file.Name, "/")
	isFolder := name != file.Name
	switch mode := file.Mode(); {
	case name == "" || strings.ContainsAny(name, "\\\x00") || strings.HasPrefix(name, "/") || path.Clean(name) != name || name == ".." || strings.HasPrefix(name, "../") || strings.Contains(name, ":"):
		return wrong("entry %.100q has a name that leads out of the archive", file.Name)
	case strings.Count(name, "/") >= r.Depth:
		return wrong("entry %.100q is more than %d folders deep", file.Name, r.Depth)
	case !isFolder && !mode.IsRegular() || isFolder && !mode.IsDir():
		return wrong("entry %.100q is not an ordinary file (%s)", file.Name, mode)
	case file.Flags&1 != 0:
		return wrong("entry %.100q is encrypted", file.Name)
	case file.Method != zip.Store && file.Method != zip.Deflate:
		return wrong("entry %.100q is packed by a method that is not read (%d)", file.Name, file.Method)
	case file.UncompressedSize64 > smallFile && file.UncompressedSize64/uint64(r.Ratio) > file.CompressedSize64:
		return wrong("entry %.100q unpacks to more than %d times its size", file.Name, r.Ratio)
	}
	return nil
}

// read opens one file. What is read counts against the limits, whatever the archive says of its size.
func (a *archive) read(file file) (io.ReadCloser, error) {
	unpacked, err := file.unpack()
	if err != nil {
		return nil, wrong("entry %.100q cannot be unpacked: %s", file.name, err)
	}
	return &entry{ReadCloser: unpacked, archive: a, name: file.name, left: a.limits.File, ratio: smallFile + a.limits.Ratio*file.packed}, nil
}

// entry is a file that is being read.
type entry struct {
	io.ReadCloser
	archive *archive
	name    string
	left    int64
	ratio   int64
}

// Read reads, and fails past a limit.
func (e *entry) Read(buffer []byte) (int, error) {
	read, err := e.ReadCloser.Read(buffer)
	e.left, e.ratio, e.archive.left = e.left-int64(read), e.ratio-int64(read), e.archive.left-int64(read)
	switch {
	case e.left < 0:
		return 0, wrong("entry %.100q has more than %d bytes", e.name, e.archive.limits.File)
	case e.ratio < 0:
		return 0, wrong("entry %.100q unpacks to more than %d times its size", e.name, e.archive.limits.Ratio)
	case e.archive.left < 0:
		return 0, wrong("the archive unpacks to more than %d bytes", e.archive.limits.Total)
	case err != nil && !errors.Is(err, io.EOF):
		return read, wrong("entry %.100q cannot be unpacked: %s", e.name, err)
	}
	return read, err
}

// names lists the archive's files, for errors.
func (a *archive) names() string {
	var names []string
	for _, file := range a.files {
		if len(names) == 10 {
			names = append(names, fmt.Sprintf("and %d more", len(a.files)-10))
			break
		}
		names = append(names, fmt.Sprintf("%.100q", file.name))
	}
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}
