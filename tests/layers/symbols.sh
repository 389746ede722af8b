#!/usr/bin/env bash
# symbols.sh: the runtime library exports nnt_ and nothing else, and needs neither LLVM nor lang; the plug-in exports its box.
status=0
exported=$(nm -D --defined-only "$NNT_BUILD/libnnt.so" | awk '{ print $3 }' | grep -v '^nnt_')
[ -z "$exported" ] || { echo "libnnt.so exports: $exported"; status=1; }
nm -D --defined-only "$NNT_BUILD/libnnt.so" | grep -q ' nnt_' || { echo "libnnt.so exports nothing"; status=1; }
ldd "$NNT_BUILD/libnnt.so" | grep -i llvm && status=1
ldd "$NNT_BUILD/nnt" | grep -i llvm && { echo "the command links LLVM at its start"; status=1; }
exported=$(nm -D --defined-only "$NNT_BUILD/nnt_llvm.so" | awk '{ print $3 }' | grep -vE '^((__odr_asan\.)?nnt_llvm_box|__bss_start|_edata|_end)$')
[ -z "$exported" ] || { echo "nnt_llvm.so exports: $exported"; status=1; }
exit $status
