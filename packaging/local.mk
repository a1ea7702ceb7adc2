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
uninstall-local:
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
