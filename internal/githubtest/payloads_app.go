package githubtest

// announceInstallation announces created, deleted, suspend and unsuspend. These need no subscription.
func (s *Server) announceInstallation(i *Installation, action string, sender *account) {
	if s.hook.url == "" || s.muted > 0 {
		return
	}
	over := object{
		"action": action, "installation": i.document(), "sender": sender.document(), "requester": nil,
		"repositories": documents(i.sorted(), (*Repository).shortDocument),
	}
	s.enqueue("installation", action, i.id, 0, replaceInstallation(overlay(examples()["installation"], over), i))
}

func (s *Server) announceInstallationRepositories(i *Installation, action string, repositories []*Repository) {
	if s.hook.url == "" || s.muted > 0 || !i.suspended.IsZero() {
		return
	}
	added, removed := []object{}, []object{}
	if action == "added" {
		added = documents(repositories, (*Repository).shortDocument)
	} else {
		removed = documents(repositories, (*Repository).shortDocument)
	}
	over := object{
		"action": action, "installation": i.document(), "repository_selection": i.selection(), "repositories_added": added,
		"repositories_removed": removed, "requester": nil, "sender": i.account.document(),
	}
	body := replaceInstallation(overlay(examples()["installation_repositories"], over), i)
	s.enqueue("installation_repositories", action, i.id, 0, body)
}

// replaceInstallation takes out what the example's installation has and this one has not, its permissions first of all.
func replaceInstallation(body object, i *Installation) object {
	body["installation"] = i.document()
	return body
}

func (r *Repository) shortDocument() object {
	return object{
		"id": r.id, "node_id": nodeID("Repository", r.id), "name": r.name, "full_name": r.fullName(), "private": r.private,
	}
}

func (s *Server) pingPayload() object {
	body := overlay(examples()["ping"], object{"hook_id": s.hook.id, "sender": s.app.owner.document()})
	body["hook"] = object{
		"type": "App", "id": s.hook.id, "name": "web", "active": true, "events": s.options.Events, "app_id": s.app.id,
		"config": object{
			"content_type": "json", "insecure_ssl": "0", "secret": "********", "url": s.hook.url,
		},
		"updated_at": stamp(s.app.created), "created_at": stamp(s.app.created), "deliveries_url": s.base + "/app/hook/deliveries",
	}
	delete(body, "organization")
	return body
}
