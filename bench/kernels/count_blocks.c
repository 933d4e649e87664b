/*
 * QEMU TCG plugin: counts executed blocks of chosen user-mode functions, exactly, in regions that the program marks.
 *
 *   -plugin count_blocks.so,low=0x400000,high=0x500000,mark=0x401234,out=FILE
 *
 * Blocks that start in [low, high) are counted; each time the instruction at `mark` runs, the counts so far are written and
 * start again from 0. FILE holds lines
 *   r                               a region ends
 *   b ADDRESS COUNT                 a block and how often it ran in that region
 *   i ADDRESS MNEMONIC OPERANDS     an instruction of the block that starts with the last `t ADDRESS`
 *   t ADDRESS                       a block was translated; its instructions follow
 * One processor only. A block that is entered and left by an exception counts as a whole: touch memory before a region.
 *
 * Debian packages no qemu-plugin.h, so the few declarations of its interface, version 4 (QEMU 9.2 to 10), stand here.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t qemu_plugin_id_t;
typedef struct qemu_info_t qemu_info_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_scoreboard;
typedef struct {
  struct qemu_plugin_scoreboard *score;
  size_t offset;
} qemu_plugin_u64;
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };
typedef void (*tb_trans_cb)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
typedef void (*udata_cb)(qemu_plugin_id_t id, void *data);
typedef void (*exec_cb)(unsigned int vcpu, void *data);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, tb_trans_cb cb);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, udata_cb cb, void *data);
void qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(struct qemu_plugin_tb *tb, enum qemu_plugin_op op, qemu_plugin_u64 entry,
                                                       uint64_t imm);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, exec_cb cb, enum qemu_plugin_cb_flags flags, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
char *qemu_plugin_insn_disas(const struct qemu_plugin_insn *insn);
struct qemu_plugin_scoreboard *qemu_plugin_scoreboard_new(size_t element_size);
uint64_t qemu_plugin_u64_get(qemu_plugin_u64 entry, unsigned int vcpu);
void qemu_plugin_u64_set(qemu_plugin_u64 entry, unsigned int vcpu, uint64_t value);

#define EXPORT __attribute__((visibility("default")))
EXPORT int qemu_plugin_version = 4;

enum { max_blocks = 1 << 14 };
static uint64_t low, high, mark;
static FILE *out;
static struct qemu_plugin_scoreboard *board;
static uint64_t addresses[max_blocks];
static size_t blocks;

static qemu_plugin_u64 counter(size_t index) {
  qemu_plugin_u64 entry = {board, index * sizeof(uint64_t)};
  return entry;
}

static void end_region(unsigned int vcpu, void *data) {
  (void)data;
  for (size_t i = 0; i < blocks; i++) {
    const uint64_t count = qemu_plugin_u64_get(counter(i), vcpu);
    if (count == 0) continue;
    fprintf(out, "b %" PRIx64 " %" PRIu64 "\n", addresses[i], count);
    qemu_plugin_u64_set(counter(i), vcpu, 0);
  }
  fprintf(out, "r\n");
}

/* The same block may be translated again, for instance after the cache was full: same address, same counter. */
static size_t find_block(uint64_t address) {
  size_t i = 0;
  while (i < blocks && addresses[i] != address) i++;
  if (i == max_blocks) {
    fprintf(stderr, "count_blocks: more than %d blocks\n", max_blocks);
    exit(1);
  }
  if (i == blocks) addresses[blocks++] = address;
  return i;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb) {
  const uint64_t address = qemu_plugin_tb_vaddr(tb);
  const size_t count = qemu_plugin_tb_n_insns(tb);
  (void)id;
  if (address < low || address >= high) return;
  for (size_t i = 0; i < count; i++) {
    struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
    if (qemu_plugin_insn_vaddr(insn) == mark) qemu_plugin_register_vcpu_insn_exec_cb(insn, end_region, QEMU_PLUGIN_CB_NO_REGS, NULL);
  }
  fprintf(out, "t %" PRIx64 "\n", address);
  for (size_t i = 0; i < count; i++) {
    struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
    /* Owned by us, from QEMU's g_malloc, which is malloc. */
    char *text = qemu_plugin_insn_disas(insn);
    fprintf(out, "i %" PRIx64 " %s\n", qemu_plugin_insn_vaddr(insn), text);
    free(text);
  }
  qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(tb, QEMU_PLUGIN_INLINE_ADD_U64, counter(find_block(address)), 1);
}

static void finished(qemu_plugin_id_t id, void *data) {
  (void)id, (void)data;
  if (fclose(out) != 0) fprintf(stderr, "count_blocks: the output could not be written\n");
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv) {
  (void)info;
  for (int i = 0; i < argc; i++) {
    if (strncmp(argv[i], "low=", 4) == 0) low = strtoull(argv[i] + 4, NULL, 0);
    if (strncmp(argv[i], "high=", 5) == 0) high = strtoull(argv[i] + 5, NULL, 0);
    if (strncmp(argv[i], "mark=", 5) == 0) mark = strtoull(argv[i] + 5, NULL, 0);
    if (strncmp(argv[i], "out=", 4) == 0) out = fopen(argv[i] + 4, "w");
  }
  if (out == NULL || high <= low || mark == 0) {
    fprintf(stderr, "count_blocks: low, high, mark and out are needed\n");
    return -1;
  }
  board = qemu_plugin_scoreboard_new(max_blocks * sizeof(uint64_t));
  qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
  qemu_plugin_register_atexit_cb(id, finished, NULL);
  return 0;
}
