# doc/
dist_man_MANS += doc/man/mspoold.8
dist_man_MANS += doc/man/mspoolctl.1
dist_man_MANS += doc/man/mspool-gwsim.1
dist_man_MANS += doc/man/pool.ini.5
dist_man_MANS += doc/man/mspool-cdr.5
dist_man_MANS += doc/man/mspool-metrics.7
dist_man_MANS += doc/man/mspool-events.7
EXTRA_DIST += README.md doc/architecture.md doc/glossary.md \
	doc/states.md \
	doc/decisions/0000-what-stands-here.md \
	doc/decisions/0001-writemap.md \
	doc/decisions/0002-a-full-book.md \
	doc/decisions/0003-poison.md \
	doc/decisions/0004-records-and-pages.md \
	doc/decisions/0005-versions.md \
	doc/decisions/0020-patterns-in-the-master.md \
	doc/decisions/0021-master.md \
	doc/decisions/0022-another-master.md \
	doc/decisions/0023-upgrade.md \
	doc/decisions/0024-descriptor-store.md doc/decisions/0025-reload-on-trial.md \
	doc/decisions/0026-two-sections.md \
	doc/decisions/0027-packages-and-sandbox.md \
	doc/decisions/0010-signalling-worker.md \
	doc/decisions/0012-steering.md \
	doc/decisions/0013-crash-points.md \
	doc/decisions/0014-what-a-peer-may-send.md \
	doc/decisions/0030-a-killed-media-worker.md \
	doc/decisions/0040-mspoolctl.md doc/decisions/0043-observer.md \
	doc/decisions/0041-call-records.md \
	doc/decisions/0042-soak.md doc/decisions/0044-first-meeting.md \
	doc/how-to/add-a-crash-point.md \
	doc/how-to/add-a-counter.md doc/how-to/add-a-message.md \
	doc/how-to/add-a-record-member.md \
	doc/how-to/add-a-scenario.md doc/how-to/add-a-state.md \
	doc/how-to/add-an-option.md doc/how-to/install.md

# The part of mspoolctl.1 that the tables of tools/ctl_*.def hold.
.PHONY: update-man
update-man: tools/mspoolctl
	$(AM_V_GEN)tools/mspoolctl help manual >verbs.tmp && \
	sed -i -e '/^\.\\" begin: /r verbs.tmp' \
	    -e '/^\.\\" begin: /,/^\.\\" end/{/^\.\\" /!d}' \
	    $(srcdir)/doc/man/mspoolctl.1; \
	rm -f verbs.tmp
