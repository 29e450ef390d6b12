"""Mercurial's web server for the repositories that the file $HGWEB_CONFIG lists."""

import os

from mercurial.hgweb import hgweb

application = hgweb(os.environ["HGWEB_CONFIG"].encode())
