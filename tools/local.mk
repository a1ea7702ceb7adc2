# tools/

# mspoolctl; libctl.a is all of it but main, for the unit tests
noinst_LIBRARIES += libctl.a
libctl_a_SOURCES = \
	tools/ctl.h tools/ctl_options.def tools/ctl_verbs.def tools/ctl_verb.c tools/ctl_help.c \
	tools/ctl_json.h tools/ctl_json.c tools/ctl_table.h tools/ctl_table.c \
	tools/ctl_view.h tools/ctl_view.c tools/ctl_show.h tools/ctl_show.c \
	tools/ctl_status.c tools/ctl_attention.c tools/ctl_workers.c \
	tools/ctl_process.h tools/ctl_process.c tools/ctl_peers.c \
	tools/ctl_calls.c tools/ctl_show_call.c tools/ctl_events.c \
	tools/ctl_command.h tools/ctl_command.c tools/ctl_reload.c \
	tools/ctl_remote.h tools/ctl_remote.c \
	tools/trunk_figures.h tools/trunk_figures.c \
	tools/ctl_route.h tools/ctl_route.c tools/ctl_route_file.c \
	tools/ctl_test_route.c tools/ctl_check.c tools/ctl_complete.c tools/ctl_config.c tools/ctl_demo.c tools/ctl_doctor.c \
	tools/ctl_top.c tools/top.h tools/top_screen.c \
	tools/nagios.def tools/nagios.h tools/nagios.c \
	tools/doctor.def tools/doctor.h tools/doctor_checks.c \
	tools/doctor_facts.c tools/doctor_host.c tools/utf8.c tools/utf8.h
libctl_a_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
bin_PROGRAMS += tools/mspoolctl
tools_mspoolctl_SOURCES = tools/mspoolctl.c
tools_mspoolctl_CFLAGS = $(AM_CFLAGS)
CTL_LIBS = libctl.a libroute.a libsip.a libshm.a librtp.a libbase.a \
	$(JANSSON_LIBS) $(LMDB_LIBS) $(PCRE2_LIBS) $(OSIP_LIBS) $(EVENT_LIBS) -lm
tools_mspoolctl_LDADD = $(CTL_LIBS)

# What shells complete; Debian keeps zsh's in vendor-completions.
bashcompletiondir = $(datadir)/bash-completion/completions
zshcompletiondir = $(datadir)/zsh/site-functions
nodist_bashcompletion_DATA = tools/completion/mspoolctl
nodist_zshcompletion_DATA = tools/completion/_mspoolctl
CLEANFILES += tools/completion/mspoolctl tools/completion/_mspoolctl
tools/completion/mspoolctl: tools/mspoolctl
	$(AM_V_GEN)$(MKDIR_P) tools/completion && \
	tools/mspoolctl completion bash >$@.tmp && mv $@.tmp $@
tools/completion/_mspoolctl: tools/mspoolctl
	$(AM_V_GEN)$(MKDIR_P) tools/completion && \
	tools/mspoolctl completion zsh >$@.tmp && mv $@.tmp $@

# What `mspoolctl demo` runs; it names the places of this build.
nodist_pkglibexec_SCRIPTS = tools/mspool-demo
EXTRA_DIST += tools/mspool-demo.in
CLEANFILES += tools/mspool-demo
tools/mspool-demo: tools/mspool-demo.in Makefile
	$(AM_V_GEN)$(MKDIR_P) tools && rm -f $@ && \
	sed -e 's|@sbindir[@]|$(sbindir)|g' -e 's|@bindir[@]|$(bindir)|g' \
	    $(srcdir)/tools/mspool-demo.in >$@ && chmod 755 $@

# mspool-gwsim
bin_PROGRAMS += tools/mspool-gwsim
tools_mspool_gwsim_SOURCES = tools/mspool-gwsim.c tools/gwsim.h \
	tools/gwsim_call.c tools/gwsim_media.c tools/gwsim_options.c \
	tools/gwsim_options.def tools/gwsim_place.c tools/gwsim_report.c \
	tools/gwsim_take.c tools/gwsim_wire.c tools/gwsim_write.c
tools_mspool_gwsim_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tools_mspool_gwsim_LDADD = libsip.a librtp.a libbase.a $(JANSSON_LIBS) \
	$(OSIP_LIBS) $(EVENT_LIBS) -lm
# What people read of base/options.def: pool.ini and the middle of pool.ini(5)
check_PROGRAMS += tools/print-options
tools_print_options_SOURCES = tools/print-options.c
tools_print_options_CFLAGS = $(AM_CFLAGS)
tools_print_options_LDADD = libbase.a $(EVENT_LIBS)
.PHONY: update-options
update-options: tools/print-options
	$(AM_V_GEN)tools/print-options ini >$(srcdir)/packaging/pool.ini && \
	tools/print-options man >options.tmp && \
	sed -i -e '/^\.\\" begin: /r options.tmp' \
	    -e '/^\.\\" begin: /,/^\.\\" end/{/^\.\\" /!d}' \
	    $(srcdir)/doc/man/pool.ini.5; \
	rm -f options.tmp

# mspool-cdr; libcdr.a is all of it but main, for the unit tests
noinst_LIBRARIES += libcdr.a
libcdr_a_SOURCES = tools/cdr_columns.def tools/cdr_line.h tools/cdr_line.c \
	tools/cdr_file.h tools/cdr_file.c tools/cdr_gather.h \
	tools/cdr_gather.c tools/utf8.h tools/utf8.c
libcdr_a_CFLAGS = $(AM_CFLAGS)
pkglibexec_PROGRAMS += tools/mspool-cdr
tools_mspool_cdr_SOURCES = tools/mspool-cdr.c
tools_mspool_cdr_CFLAGS = $(AM_CFLAGS)
CDR_LIBS = libcdr.a libsip.a libshm.a librtp.a libbase.a $(LMDB_LIBS) \
	$(OSIP_LIBS) $(EVENT_LIBS) -lm
tools_mspool_cdr_LDADD = $(CDR_LIBS)
# What people read of tools/cdr_columns.def: the list in mspool-cdr(5)
check_PROGRAMS += tools/print-columns
tools_print_columns_SOURCES = tools/print-columns.c
tools_print_columns_CFLAGS = $(AM_CFLAGS)
tools_print_columns_LDADD = $(CDR_LIBS)
.PHONY: update-columns
update-columns: tools/print-columns
	$(AM_V_GEN)tools/print-columns >columns.tmp && \
	sed -i -e '/^\.\\" begin: /r columns.tmp' \
	    -e '/^\.\\" begin: /,/^\.\\" end/{/^\.\\" /!d}' \
	    $(srcdir)/doc/man/mspool-cdr.5; \
	rm -f columns.tmp

# mspool-observer; libobserver.a is all of it but main, for the unit tests
noinst_LIBRARIES += libobserver.a
libobserver_a_SOURCES = tools/metrics.def \
	tools/metrics_calls.c tools/metrics_collect.c tools/metrics_collect.h \
	tools/metrics_counters.c tools/metrics_counters.h \
	tools/metrics_page.c tools/metrics_page.h tools/metrics_peers.c \
	tools/metrics_pool.c tools/metrics_snapshot.c \
	tools/metrics_snapshot.h tools/metrics_window.c \
	tools/metrics_window.h tools/observer_health.c \
	tools/observer_health.h tools/observer_http.c tools/observer_http.h \
	tools/observer_query.c tools/observer_query.h
libobserver_a_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(EVENT_CFLAGS)
pkglibexec_PROGRAMS += tools/mspool-observer
tools_mspool_observer_SOURCES = tools/mspool-observer.c
tools_mspool_observer_CFLAGS = $(AM_CFLAGS)
OBSERVER_LIBS = libobserver.a $(CTL_LIBS) $(EVENT_EXTRA_LIBS)
tools_mspool_observer_LDADD = $(OBSERVER_LIBS)

# The middle of mspool-metrics(7), from the tables
check_PROGRAMS += tools/print-metrics
tools_print_metrics_SOURCES = tools/print-metrics.c
tools_print_metrics_CFLAGS = $(AM_CFLAGS)
tools_print_metrics_LDADD = $(OBSERVER_LIBS)
.PHONY: update-metrics
update-metrics: tools/print-metrics
	$(AM_V_GEN)tools/print-metrics >metrics.tmp && \
	sed -i -e '/^\.\\" begin: /r metrics.tmp' \
	    -e '/^\.\\" begin: /,/^\.\\" end/{/^\.\\" /!d}' \
	    $(srcdir)/doc/man/mspool-metrics.7; \
	rm -f metrics.tmp

# The middle of mspool-events(7), from its table
check_PROGRAMS += tools/print-events
tools_print_events_SOURCES = tools/print-events.c
tools_print_events_CFLAGS = $(AM_CFLAGS)
.PHONY: update-events
update-events: tools/print-events
	$(AM_V_GEN)tools/print-events >events.tmp && \
	sed -i -e '/^\.\\" begin: /r events.tmp' \
	    -e '/^\.\\" begin: /,/^\.\\" end/{/^\.\\" /!d}' \
	    $(srcdir)/doc/man/mspool-events.7; \
	rm -f events.tmp
