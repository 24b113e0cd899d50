# What sam build runs for each package, in the clone's folder: the build script of make run, by the Python that Lambda runs.
RUNTIME := 3.13

build-CoreLayer: PACKAGE := layer
build-TrackFunction: PACKAGE := track
build-FlushFunction: PACKAGE := flush
build-ProfilesApiFunction: PACKAGE := profiles_api

.PHONY: build-CoreLayer build-TrackFunction build-FlushFunction build-ProfilesApiFunction
build-CoreLayer build-TrackFunction build-FlushFunction build-ProfilesApiFunction:
	@for python in python$(RUNTIME) python3 python; do \
	  [ "$$("$$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = $(RUNTIME) ] || continue; \
	  exec "$$python" -m local.build --target "$$ARTIFACTS_DIR" --package $(PACKAGE) --architecture $(ARCHITECTURE) --python $(RUNTIME); \
	done; echo "no Python $(RUNTIME) on the path: bytecode of another version would not be valid on Lambda" >&2; exit 1
