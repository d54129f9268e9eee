package ecrtest

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// presignedFor is how long an address to download a layer from is good: as long as those of ECR are.
const presignedFor = time.Hour

// download is what a presigned address gives.
type download struct {
	repository string
	digest     string
	until      time.Time
}

// downloadURL presigns an address
// (https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetDownloadUrlForLayer.html): of a config or layer that an
// image of the repository names.
func (s *Server) downloadURL(of *repository, in input) (any, *exception) {
	if !of.references(in.LayerDigest) {
		if _, err := s.Registry.Blob(in.RepositoryName, in.LayerDigest); err != nil {
			return nil, refused("LayersNotFoundException", "The layer with digest '%s' could not be found in the repository with name '%s' in the registry with id '%s'", in.LayerDigest, in.RepositoryName, Account)
		}
		return nil, refused("LayerInaccessibleException", "The layer with digest '%s' is not available because it is not associated with an image", in.LayerDigest)
	}
	if s.elsewhere != "" {
		return map[string]any{"downloadUrl": s.elsewhere, "layerDigest": in.LayerDigest}, nil
	}
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails
	signature, now := hex.EncodeToString(random), s.clock().UTC()
	s.downloads[signature] = download{in.RepositoryName, in.LayerDigest, now.Add(presignedFor)}
	query := url.Values{
		"X-Amz-Algorithm": {"AWS4-HMAC-SHA256"}, "X-Amz-Credential": {"ASIASTORAGE/" + now.Format("20060102") + "/" + Region + "/s3/aws4_request"},
		"X-Amz-Date": {now.Format("20060102T150405Z")}, "X-Amz-Expires": {fmt.Sprint(int(presignedFor.Seconds()))}, "X-Amz-SignedHeaders": {"host"},
		"X-Amz-Security-Token": {"token of the storage"}, "X-Amz-Signature": {signature},
	}
	address := "http://" + s.storage.Addr().String() + "/" + signature[:8] + "-" + Account + "/" + in.LayerDigest + "?" + query.Encode()
	return map[string]any{"downloadUrl": address, "layerDigest": in.LayerDigest}, nil
}

// references reports whether an image of the repository names the config or layer.
func (r *repository) references(digest string) bool {
	for _, one := range r.images {
		var manifest struct {
			Config struct{ Digest string }
			Layers []struct{ Digest string }
		}
		if json.Unmarshal([]byte(one.manifest), &manifest) != nil {
			continue
		}
		if manifest.Config.Digest == digest || slices.ContainsFunc(manifest.Layers, func(layer struct{ Digest string }) bool { return layer.Digest == digest }) {
			return digest != ""
		}
	}
	return false
}

// serveLayer answers what was presigned, as Amazon S3 does
// (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html).
func (s *Server) serveLayer(w http.ResponseWriter, r *http.Request) {
	s.mutex.Lock()
	s.calls = append(s.calls, r.Method+" layer")
	fault := s.storageFault
	granted, known := s.downloads[r.URL.Query().Get("X-Amz-Signature")]
	s.mutex.Unlock()
	if fault != nil && fault(w, r) {
		return
	}
	refuse := func(status int, code, message string) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		fmt.Fprintf(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code><Message>%s</Message></Error>", code, message)
	}
	switch {
	case r.Method != http.MethodGet:
		refuse(http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource.")
	case r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != "":
		refuse(http.StatusBadRequest, "InvalidArgument", "Only one auth mechanism allowed")
	case !known:
		refuse(http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.")
	case s.clock().After(granted.until):
		refuse(http.StatusForbidden, "AccessDenied", "Request has expired")
	default:
		content, err := s.Registry.Blob(granted.repository, granted.digest)
		if err != nil {
			refuse(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		_, _ = w.Write(content) // the client may be gone
	}
}
