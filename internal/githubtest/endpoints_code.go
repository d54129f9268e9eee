package githubtest

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

// downloadPrefix begins the addresses of downloads: no part of the API, no token needed, as on codeload and blob storage.
const downloadPrefix = "/_download/"

func getRepository(c *call) answer { return ok(c.repository.fullDocument()) }

// getContents answers a file or a folder. Files over 1 MB come without content, over 100 MB not at all ("Get repository
// content"); the raw media type has the first kind too.
func getContents(c *call) answer {
	r := c.repository
	ref := c.query.Get("ref")
	if ref == "" {
		ref = r.defaultBranch
	}
	commit := r.resolve(ref)
	if commit == nil && len(r.branches) == 0 {
		return refuse(http.StatusNotFound, "This repository is empty.")
	}
	if commit == nil {
		return refuse(http.StatusNotFound, "No commit found for the ref "+ref)
	}
	name := strings.Trim(c.parameters["path"], "/")
	content, found := commit.files[name]
	if !found {
		return c.folder(commit, ref, name)
	}
	if pinned, is := pinnedBy(content); is {
		document := r.entry(ref, name, "submodule", 0, pinned)
		document["submodule_git_url"] = r.server.base + "/" + r.fullName() + "-library.git"
		return ok(document)
	}
	const megabyte = 1 << 20
	switch {
	case len(content) > 100*megabyte:
		return refuse(http.StatusForbidden, "This API returns blobs up to 100 MB in size.")
	case c.accepts("raw"):
		return answer{status: http.StatusOK, body: []byte(content), contentType: "application/vnd.github.raw+json; charset=utf-8"}
	}
	document := r.entry(ref, name, "file", len(content), blobSHA(content))
	document["encoding"], document["content"] = "base64", inLines(base64.StdEncoding.EncodeToString([]byte(content)))
	if len(content) > megabyte {
		document["encoding"], document["content"] = "none", ""
	}
	return ok(document)
}

// inLines breaks base64 after 60 characters, as GitHub does.
func inLines(text string) string {
	var broken strings.Builder
	for chunk := range slices.Chunk([]byte(text), 60) {
		broken.Write(chunk)
		broken.WriteByte('\n')
	}
	return broken.String()
}

func (r *Repository) entry(ref, name, kind string, size int, sha string) object {
	escaped := (&url.URL{Path: name}).EscapedPath()
	self := r.api() + "/contents/" + escaped + "?ref=" + url.QueryEscape(ref)
	gitURL, page := r.api()+"/git/blobs/"+sha, r.page()+"/blob/"+ref+"/"+escaped
	download := any(r.server.base + downloadPrefix + "raw/" + r.fullName() + "/" + url.PathEscape(ref) + "/" + escaped)
	if kind == "dir" {
		gitURL, page, download = r.api()+"/git/trees/"+sha, r.page()+"/tree/"+ref+"/"+escaped, nil
	}
	return object{
		"type": kind, "size": size, "name": path.Base(name), "path": name, "sha": sha, "url": self, "git_url": gitURL,
		"html_url": page, "download_url": download, "_links": object{"self": self, "git": gitURL, "html": page},
	}
}

func (c *call) folder(commit *Commit, ref, name string) answer {
	prefix := name + "/"
	if name == "" {
		prefix = ""
	}
	entries, folders := map[string]object{}, map[string]map[string]string{}
	for file, content := range commit.files {
		rest, inside := strings.CutPrefix(file, prefix)
		if !inside {
			continue
		}
		first, below, nested := strings.Cut(rest, "/")
		if !nested {
			entries[first] = c.repository.entry(ref, file, "file", len(content), blobSHA(content))
			continue
		}
		if folders[first] == nil {
			folders[first] = map[string]string{}
		}
		folders[first][below] = content
	}
	for first, files := range folders {
		entries[first] = c.repository.entry(ref, prefix+first, "dir", 0, fmt.Sprintf("%x", treeOf(files)))
	}
	if len(entries) == 0 {
		return notFound()
	}
	body := make([]object, 0, len(entries))
	for _, first := range slices.Sorted(maps.Keys(entries)) {
		body = append(body, entries[first])
	}
	return ok(body)
}

func getBranch(c *call) answer {
	name := c.parameters["branch"]
	head := c.repository.branches[name]
	if head == nil {
		return refuse(http.StatusNotFound, "Branch not found")
	}
	self := c.repository.api() + "/branches/" + url.PathEscape(name)
	return ok(object{
		"name": name, "commit": c.repository.commitDocument(head), "protected": false, "protection_url": self + "/protection",
		"_links": object{"self": self, "html": c.repository.page() + "/tree/" + name},
		"protection": object{
			"enabled": false, "required_status_checks": object{"enforcement_level": "off", "contexts": []string{}, "checks": []object{}},
		},
	})
}

func getReference(c *call) answer {
	name := c.parameters["ref"]
	var commit *Commit
	if branch, isBranch := strings.CutPrefix(name, "heads/"); isBranch {
		commit = c.repository.branches[branch]
	} else if tag, isTag := strings.CutPrefix(name, "tags/"); isTag {
		commit = c.repository.tags[tag]
	}
	if commit == nil {
		return notFound()
	}
	return ok(object{
		"ref": "refs/" + name, "node_id": nodeID("Ref", commit.sequence), "url": c.repository.api() + "/git/refs/" + name,
		"object": object{"sha": commit.sha, "type": "commit", "url": c.repository.api() + "/git/commits/" + commit.sha},
	})
}

// getCommit answers 422 for a name that means nothing (squalrus/merge-bot#54 shows the text for a branch name).
func getCommit(c *call) answer {
	if len(c.repository.network.order) == 0 {
		return refuse(http.StatusConflict, "Git Repository is empty.")
	}
	commit := c.repository.resolve(c.parameters["ref"])
	if commit == nil {
		return refuse(http.StatusUnprocessableEntity, "No commit found for SHA: "+c.parameters["ref"])
	}
	if c.accepts("sha") {
		return answer{status: http.StatusOK, body: []byte(commit.sha), contentType: "application/vnd.github.sha; charset=utf-8"}
	}
	return ok(c.repository.detailedCommitDocument(commit))
}

// listCommits lists the commits of a branch, newest first, or those of them that changed a path.
func listCommits(c *call) answer {
	name := c.query.Get("sha")
	if name == "" {
		name = c.repository.defaultBranch
	}
	head := c.repository.resolve(name)
	switch {
	case len(c.repository.network.order) == 0:
		return refuse(http.StatusConflict, "Git Repository is empty.")
	case head == nil:
		return notFound()
	}
	changed := strings.Trim(c.query.Get("path"), "/")
	var found []*Commit
	for _, commit := range slices.Backward(between(nil, head)) {
		if changed == "" || slices.ContainsFunc(changes(commit.first(), commit), func(change fileChange) bool {
			return change.path == changed || strings.HasPrefix(change.path, changed+"/")
		}) {
			found = append(found, commit)
		}
	}
	return list(c, found, c.repository.commitDocument)
}

// compare says how head stands to base. "Compare two commits" in GitHub's docs: oldest commits first, up to 250 of them
// without pagination, files on the first page only.
func compare(c *call) answer {
	base, head, found := strings.Cut(c.parameters["basehead"], "...")
	from, to := c.repository.resolveAcross(base), c.repository.resolveAcross(head)
	if !found || from == nil || to == nil {
		return notFound()
	}
	common := mergeBase(from, to)
	if common == nil {
		return refuse(http.StatusNotFound, fmt.Sprintf("No common ancestor between %s and %s.", base, head))
	}
	ahead, behind := between(from, to), between(to, from)
	status := "identical"
	switch {
	case len(ahead) > 0 && len(behind) > 0:
		status = "diverged"
	case len(ahead) > 0:
		status = "ahead"
	case len(behind) > 0:
		status = "behind"
	}
	first, last, header := c.window(len(ahead), 250)
	address := "/compare/" + url.PathEscape(base) + "..." + url.PathEscape(head)
	page := c.repository.page() + address
	permalink := fmt.Sprintf("%s/compare/%s:%.7s...%s:%.7s",
		c.repository.page(), c.repository.owner.login, from.sha, c.repository.owner.login, to.sha)
	body := object{
		"url": c.repository.api() + address, "html_url": page, "permalink_url": permalink, "diff_url": page + ".diff",
		"patch_url": page + ".patch", "base_commit": c.repository.commitDocument(from),
		"merge_base_commit": c.repository.commitDocument(common), "status": status, "ahead_by": len(ahead),
		"behind_by": len(behind), "total_commits": len(ahead), "commits": documents(ahead[first:last], c.repository.commitDocument),
	}
	if first == 0 {
		changed := changes(common, to)
		body["files"] = c.repository.fileDocuments(changed[:min(len(changed), 300)], to)
	}
	return answer{status: http.StatusOK, body: body, header: header}
}

// resolveAcross resolves a name that may be owner:branch, of a repository in the same network.
func (r *Repository) resolveAcross(name string) *Commit {
	owner, branch, foreign := strings.Cut(name, ":")
	if !foreign {
		return r.resolve(name)
	}
	for _, other := range r.server.repositories {
		if other.network == r.network && strings.EqualFold(other.owner.login, owner) {
			return other.resolve(branch)
		}
	}
	return nil
}

// serveDownload serves what download_url and artifact redirects point to.
func (s *Server) serveDownload(w http.ResponseWriter, escaped string) {
	rest, err := url.PathUnescape(strings.TrimPrefix(escaped, downloadPrefix))
	if err != nil {
		http.Error(w, "400: Bad Request", http.StatusBadRequest)
		return
	}
	var content []byte
	kind := "application/octet-stream"
	s.look(func() { content, kind = s.download(strings.TrimPrefix(escaped, downloadPrefix), rest) })
	if content == nil {
		http.Error(w, "404: Not Found", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", kind)
	_, _ = w.Write(content) // the client may have gone
}

func (s *Server) download(escaped, rest string) (content []byte, kind string) {
	if number, isArtifact := strings.CutPrefix(rest, "artifact/"); isArtifact {
		for _, r := range s.repositories {
			for _, artifact := range r.artifacts {
				if artifact.ticket() == number {
					return artifact.archive, artifact.kind
				}
			}
		}
		return nil, ""
	}
	parts := strings.SplitN(escaped, "/", 5) // raw, owner, name, ref, path
	if len(parts) < 5 || parts[0] != "raw" {
		return nil, ""
	}
	r := s.repositories[strings.ToLower(parts[1]+"/"+parts[2])]
	ref, refErr := url.PathUnescape(parts[3])
	name, nameErr := url.PathUnescape(parts[4])
	if r == nil || refErr != nil || nameErr != nil {
		return nil, ""
	}
	commit := r.resolve(ref)
	if commit == nil {
		return nil, ""
	}
	text, found := commit.files[name]
	if !found {
		return nil, ""
	}
	return []byte(text), "application/octet-stream"
}
