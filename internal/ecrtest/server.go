// Package ecrtest is a stand-in for Amazon ECR's API over HTTP, for tests: AWS JSON 1.1 with ECR's own errors. It keeps
// what it has in a real registry, so that what the API says and what a pull gets are one thing.
//
// The operations, their members and errors are those of
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_Operations.html.
package ecrtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/verbatim-dev/verbatim/internal/registrytest"
)

// Account and Region are whose registry it is.
const (
	Account = "123456789012"
	Region  = "eu-west-1"
	Host    = Account + ".dkr.ecr." + Region + ".amazonaws.com"
)

// Server is an ECR with one account's registry in one region.
type Server struct {
	Registry *registrytest.Server
	listener net.Listener
	http     *http.Server
	storage  net.Listener // where layers are downloaded from
	s3       *http.Server
	clock    func() time.Time

	mutex        sync.Mutex
	repositories map[string]*repository
	downloads    map[string]download // by signature
	calls        []string
	fault        Fault
	storageFault registrytest.Fault
	elsewhere    string // the address that is given for every layer instead of a presigned one
	quota        quota
	external     string // the external id that AssumeRole asks for
}

// Fault answers a call of the operation instead of ECR: with an exception's name and message. An empty name lets the call pass.
type Fault func(operation string) (status int, exception, message string)

type repository struct {
	mutability string   // MUTABLE, IMMUTABLE, IMMUTABLE_WITH_EXCLUSION, MUTABLE_WITH_EXCLUSION
	exclusions []string // wildcard filters
	images     map[string]*image
	tags       map[string]string // tag → digest
	failures   map[string]string // tag → the failure code that a batch answers for it
}

type image struct {
	digest    string
	mediaType string
	manifest  string
	pushed    time.Time
}

// New starts a stand-in on loopback. Repositories are created with Repository.
func New(clock func() time.Time) (*Server, error) {
	inner, err := registrytest.InProcess()
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		inner.Close()
		return nil, err
	}
	storage, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		inner.Close()
		_ = listener.Close()
		return nil, err
	}
	s := &Server{Registry: inner, listener: listener, storage: storage, clock: clock, repositories: map[string]*repository{}, downloads: map[string]download{}}
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	s.s3 = &http.Server{Handler: http.HandlerFunc(s.serveLayer), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.http.Serve(listener) }() // ends with Close
	go func() { _ = s.s3.Serve(storage) }()    // likewise
	return s, nil
}

// Close stops listening.
func (s *Server) Close() {
	_ = s.http.Close()
	_ = s.s3.Close()
	s.Registry.Close()
}

// URL gives the endpoint: what AWS_ENDPOINT_URL_ECR is set to. AssumeRole of STS answers there too.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// Repository creates a repository with a tag mutability, and wildcard filters that are excluded from it.
func (s *Server) Repository(name, mutability string, exclusions ...string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.repositories[name] = &repository{mutability: mutability, exclusions: exclusions, images: map[string]*image{}, tags: map[string]string{}}
}

// ExternalID has AssumeRole ask for this external id.
func (s *Server) ExternalID(id string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.external = id
}

// Inject has the fault decide about every call from now on. nil ends it.
func (s *Server) Inject(fault Fault) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.fault = fault
}

// InjectStorage has the fault answer downloads of layers from now on. nil ends it.
func (s *Server) InjectStorage(fault registrytest.Fault) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.storageFault = fault
}

// PointDownloadsTo has GetDownloadUrlForLayer give this address for every layer.
func (s *Server) PointDownloadsTo(address string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.elsewhere = address
}

// Calls gives the operations that were called, in order; a download of a layer is "GET layer".
func (s *Server) Calls() []string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(s.calls)
}

// ResetCalls empties the log.
func (s *Server) ResetCalls() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.calls = nil
}

// PushIndex pushes a multi-architecture index as a docker push does, and gives its digest.
func (s *Server) PushIndex(name, tag, seed string) (string, error) {
	digest, err := s.Registry.PushIndex(name, tag, seed)
	return digest, s.keep(name, tag, digest, err)
}

// PushLabelled pushes a single image with its labels, and gives its digest.
func (s *Server) PushLabelled(name, tag string, image registrytest.Image) (string, error) {
	digest, err := s.Registry.PushLabelled(name, tag, image)
	return digest, s.keep(name, tag, digest, err)
}

// PushLabelledIndex pushes an index with an entry for each of the images, and gives its digest.
func (s *Server) PushLabelledIndex(name, tag string, images ...registrytest.Image) (string, error) {
	digest, err := s.Registry.PushLabelledIndex(name, tag, images...)
	return digest, s.keep(name, tag, digest, err)
}

// PushManifest puts the bytes under the tag, as they are, and gives their digest.
func (s *Server) PushManifest(name, tag, mediaType string, content []byte) (string, error) {
	digest, err := s.Registry.PushManifest(name, tag, mediaType, content)
	return digest, s.keep(name, tag, digest, err)
}

// PushBlob pushes a config or a layer.
func (s *Server) PushBlob(name string, content []byte) error {
	return s.Registry.PushBlob(name, content)
}

// keep notes what was pushed under the tag. The entries of an index are images of their own, without a tag.
func (s *Server) keep(name, tag, digest string, err error) error {
	if err != nil {
		return err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	of := s.repositories[name]
	if of == nil {
		return fmt.Errorf("ecrtest: no repository %s", name)
	}
	index, err := s.keepManifest(of, name, digest)
	if err != nil {
		return err
	}
	of.tags[tag] = digest
	var document struct {
		Manifests []struct{ Digest string }
	}
	if json.Unmarshal([]byte(index.manifest), &document) != nil {
		return nil // no index: it has no entries
	}
	for _, entry := range document.Manifests {
		if _, _, err := s.Registry.Manifest(name, entry.Digest); err != nil {
			continue // an entry that was never pushed
		}
		if _, err := s.keepManifest(of, name, entry.Digest); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) keepManifest(of *repository, name, digest string) (*image, error) {
	mediaType, manifest, err := s.Registry.Manifest(name, digest)
	if err != nil {
		return nil, err
	}
	if of.images[digest] == nil {
		of.images[digest] = &image{digest: digest, mediaType: mediaType, manifest: string(manifest), pushed: s.clock()}
	}
	return of.images[digest], nil
}

// Tag gives the digest that a tag names, "" when there is none.
func (s *Server) Tag(name, tag string) string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if of := s.repositories[name]; of != nil {
		return of.tags[tag]
	}
	return ""
}

// Lie has the stand-in answer other bytes for a digest than those that were pushed.
func (s *Server) Lie(name, digest, manifest string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.repositories[name].images[digest].manifest = manifest
}

// FailInBatch has BatchGetImage answer a failure code for one tag, beside what it answers for the others.
func (s *Server) FailInBatch(name, tag, code string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.repositories[name].failures = map[string]string{tag: code}
}

// exception is an error as ECR answers it.
type exception struct {
	status  int
	name    string
	message string
}

func refused(name, format string, arguments ...any) *exception {
	return &exception{http.StatusBadRequest, name, fmt.Sprintf(format, arguments...)}
}

const target = "AmazonEC2ContainerRegistry_V20150921."

// credentialScope is the part of a signature that says which region and service it is for
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html).
var credentialScope = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=[^/]+/[0-9]{8}/([a-z0-9-]+)/([a-z]+)/aws4_request, ?SignedHeaders=[^,]*host[^,]*, ?Signature=[0-9a-f]{64}$`)

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 16<<20))
	if err != nil {
		http.Error(w, "unreadable", http.StatusBadRequest)
		return
	}
	scope := credentialScope.FindStringSubmatch(r.Header.Get("Authorization"))
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		s.assumeRole(w, string(body), scope)
		return
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	operation, isECR := strings.CutPrefix(r.Header.Get("X-Amz-Target"), target)
	s.calls = append(s.calls, operation)
	var answer any
	var failure *exception
	switch {
	case !isECR || r.Header.Get("Content-Type") != "application/x-amz-json-1.1":
		failure = refused("UnknownOperationException", "")
	case scope == nil || scope[1] != Region || scope[2] != "ecr":
		failure = refused("UnrecognizedClientException", "The security token included in the request is invalid.")
	default:
		if failure = s.faulty(operation); failure == nil {
			answer, failure = s.answer(operation, body)
		}
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if failure != nil {
		w.WriteHeader(failure.status)
		answer = map[string]string{"__type": failure.name, "message": failure.message}
	}
	_ = json.NewEncoder(w).Encode(answer) // the client may be gone
}

func (s *Server) faulty(operation string) *exception {
	if s.fault == nil {
		return nil
	}
	status, name, message := s.fault(operation)
	if name == "" {
		return nil
	}
	return &exception{status, name, message}
}

func (s *Server) answer(operation string, body []byte) (any, *exception) {
	var input input
	if err := json.Unmarshal(body, &input); err != nil {
		return nil, refused("SerializationException", "%s", err)
	}
	if input.RegistryID != "" && input.RegistryID != Account {
		return nil, refused("RepositoryNotFoundException", "The repository with name '%s' does not exist in the registry with id '%s'", input.RepositoryName, input.RegistryID)
	}
	if operation == "DescribeRepositories" {
		return s.describeRepositories(input)
	}
	of := s.repositories[input.RepositoryName]
	if of == nil {
		return nil, refused("RepositoryNotFoundException", "The repository with name '%s' does not exist in the registry with id '%s'", input.RepositoryName, Account)
	}
	switch operation {
	case "DescribeImages":
		return of.describe(input)
	case "BatchGetImage":
		return of.batchGet(input)
	case "GetDownloadUrlForLayer":
		return s.downloadURL(of, input)
	case "PutImage":
		return s.put(of, input)
	}
	return nil, refused("UnknownOperationException", "%s", operation)
}
