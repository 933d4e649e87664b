/*
 * quiet.c: LiteRT's log can be shut by a setting, but that of TensorFlow Lite within it cannot, and tells of each process's first model.
 *
 * A shared library reaches libc's variable `stderr` through a slot with its address, which the dynamic linker filled by a relocation that
 * names the variable. That one slot of that one library is pointed at a variable of ours.
 */
#include "quiet.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static FILE *nowhere; /* set once, never closed: the library's stderr */

/* The tables of a loaded library that are searched; all are the library's own memory. */
typedef struct {
  const ElfW(Rela) *relocations;
  size_t count;
  const ElfW(Sym) *symbols;
  const char *names;
} tables;

static bool find_tables(const struct link_map *library, tables *found) {
  memset(found, 0, sizeof *found);
  for (const ElfW(Dyn) *entry = library->l_ld; entry->d_tag != DT_NULL; entry++) {
    if (entry->d_tag == DT_RELA) found->relocations = (const ElfW(Rela) *)entry->d_un.d_ptr;
    if (entry->d_tag == DT_RELASZ) found->count = entry->d_un.d_val / sizeof(ElfW(Rela));
    if (entry->d_tag == DT_SYMTAB) found->symbols = (const ElfW(Sym) *)entry->d_un.d_ptr;
    if (entry->d_tag == DT_STRTAB) found->names = (const char *)entry->d_un.d_ptr;
  }
  return found->relocations && found->symbols && found->names;
}

/* The slot that holds the address of the variable `name`, or NULL. */
static void **find_slot(const struct link_map *library, const char *name, const void *variable) {
  tables found;
  if (!find_tables(library, &found)) return NULL;
  for (size_t i = 0; i < found.count; i++) {
    const ElfW(Sym) *symbol = &found.symbols[ELF64_R_SYM(found.relocations[i].r_info)];
    if (symbol->st_shndx != SHN_UNDEF || strcmp(found.names + symbol->st_name, name) != 0) continue;
    void **slot = (void **)(library->l_addr + found.relocations[i].r_offset);
    if (*slot == variable) return slot;
  }
  return NULL;
}

/* Where `address` lies in memory that was made read-only when the library had been loaded. */
typedef struct {
  uintptr_t address;
  bool sealed;
} seal;

static int look_for_seal(struct dl_phdr_info *library, size_t size, void *data) {
  seal *asked = data;
  (void)size;
  for (int i = 0; i < library->dlpi_phnum; i++) {
    const ElfW(Phdr) *part = &library->dlpi_phdr[i];
    const uintptr_t start = library->dlpi_addr + part->p_vaddr;
    if (part->p_type == PT_GNU_RELRO && asked->address >= start && asked->address < start + part->p_memsz) asked->sealed = true;
  }
  return asked->sealed;
}

static bool write_slot(void **slot, void *value) {
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = (uintptr_t)slot & ~(page - 1);
  seal asked = {(uintptr_t)slot, false};
  dl_iterate_phdr(look_for_seal, &asked);
  if (asked.sealed && mprotect((void *)start, page, PROT_READ | PROT_WRITE) != 0) return false;
  *slot = value;
  /* Refused, it stays as writable as the library's other variables are. */
  if (asked.sealed) mprotect((void *)start, page, PROT_READ);
  return true;
}

bool quiet_library(const void *own) {
  Dl_info about;
  void *library = NULL; /* the dynamic linker's link_map */
  if (!dladdr1(own, &about, &library, RTLD_DL_LINKMAP) || !library) return false;
  void **slot = find_slot(library, "stderr", &stderr);
  if (!slot) return false;
  if (!nowhere) nowhere = fopen("/dev/null", "we");
  return nowhere && write_slot(slot, &nowhere);
}
