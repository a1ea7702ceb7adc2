# packaging/

# The installed configuration; printed by `make update-options`.  One that is
# there already is never touched.
EXTRA_DIST += packaging/pool.ini
.PHONY: install-pool-ini
install-data-local: install-pool-ini
install-pool-ini:
	$(MKDIR_P) "$(DESTDIR)$(sysconfdir)/mspool/pool.d"
	test -e "$(DESTDIR)$(sysconfdir)/mspool/pool.ini" || \
	$(INSTALL_DATA) $(srcdir)/packaging/pool.ini \
	    "$(DESTDIR)$(sysconfdir)/mspool/pool.ini"
uninstall-local: uninstall-pool-ini uninstall-system-files
.PHONY: uninstall-pool-ini
uninstall-pool-ini:
	cmp -s $(srcdir)/packaging/pool.ini \
	    "$(DESTDIR)$(sysconfdir)/mspool/pool.ini" && \
	rm -f "$(DESTDIR)$(sysconfdir)/mspool/pool.ini" || true
	rmdir "$(DESTDIR)$(sysconfdir)/mspool/pool.d" \
	    "$(DESTDIR)$(sysconfdir)/mspool" 2>/dev/null || true

# The unit names the places of this build.
systemdunitdir = $(prefix)/lib/systemd/system
nodist_systemdunit_DATA = packaging/mspool.service
EXTRA_DIST += packaging/mspool.service.in
CLEANFILES += packaging/mspool.service
packaging/mspool.service: packaging/mspool.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) packaging && \
	sed -e 's|@sbindir[@]|$(sbindir)|' -e 's|@bindir[@]|$(bindir)|' \
	    -e 's|@sysconfdir[@]|$(sysconfdir)|' \
	    $(srcdir)/packaging/mspool.service.in >$@

# User and group, folders, log files.
EXTRA_DIST += packaging/mspool.sysusers packaging/mspool.tmpfiles \
	packaging/mspool.logrotate
SYSUSERS_FILE = "$(DESTDIR)$(prefix)/lib/sysusers.d/mspool.conf"
TMPFILES_FILE = "$(DESTDIR)$(prefix)/lib/tmpfiles.d/mspool.conf"
LOGROTATE_FILE = "$(DESTDIR)$(sysconfdir)/logrotate.d/mspool"
.PHONY: install-system-files uninstall-system-files
install-data-local: install-system-files
install-system-files:
	$(INSTALL) -D -m 644 $(srcdir)/packaging/mspool.sysusers $(SYSUSERS_FILE)
	$(INSTALL) -D -m 644 $(srcdir)/packaging/mspool.tmpfiles $(TMPFILES_FILE)
	$(INSTALL) -D -m 644 $(srcdir)/packaging/mspool.logrotate $(LOGROTATE_FILE)
uninstall-system-files:
	rm -f $(SYSUSERS_FILE) $(TMPFILES_FILE) $(LOGROTATE_FILE)

# Packages, of the archive that `make dist` makes; what comes out lies in
# packages/ of the build tree.  check-packages wants root and a Debian mirror.
EXTRA_DIST += packaging/debian packaging/rpm \
	packaging/make-deb packaging/make-rpm packaging/check-packages
.PHONY: deb rpm check-packages clean-packages
deb: dist
	$(srcdir)/packaging/make-deb $(distdir).tar.xz packages
rpm: dist
	$(srcdir)/packaging/make-rpm $(distdir).tar.xz packages
check-packages: dist
	$(srcdir)/packaging/check-packages $(distdir).tar.xz
clean-local: clean-packages
clean-packages:
	rm -rf packages

TESTS += packaging/test-unit
EXTRA_DIST += packaging/test-unit

# Alerts, recording rules and a dashboard for the metrics.
metricsdir = $(datadir)/mspool
dist_metrics_DATA = packaging/metrics/mspool.rules.yml \
	packaging/metrics/mspool-dashboard.json
