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
