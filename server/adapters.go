package server

import (
	"github.com/verbatim-dev/verbatim/config"
	"github.com/verbatim-dev/verbatim/promotion/notify"
	"github.com/verbatim-dev/verbatim/promotion/registry"
)
