/*
 * Tells the script that started the supplicant how the link is, one word a line on the third descriptor: `associated`, `disconnected`,
 * `wrong-key`, `no-network`. The supplicant tells it to control programs, of which this image has none.
 */
#include "includes.h"

#include "common.h"
#include "common/wpa_ctrl.h"
#include "utils/wpa_debug.h"
#include "wpa_supplicant_i.h"
#include "driver_i.h"

static const int descriptor = 3;

static void say(const char *line)
{
    /* Nobody may be listening, as when somebody tries the program by hand. */
    ssize_t written = write(descriptor, line, os_strlen(line));
    (void)written;
}

/*
 * SAE shows a wrong passphrase only by the access point's answer to the second message of the exchange, which proves that both sides have the
 * same (IEEE 802.11-2020, 12.4.5.6).
 */
static int is_refused_proof(const char *text)
{
    return os_strstr(text, "auth_type=3 auth_transaction=2 ") != NULL;
}

static int begins(const char *text, const char *with)
{
    return os_strncmp(text, with, os_strlen(with)) == 0;
}

/* text: `length` bytes and a zero, the supplicant's; context: its struct wpa_supplicant, or NULL. */
static void on_message(void *context, int level, enum wpa_msg_type type, const char *text, size_t length)
{
    struct wpa_supplicant *wpa_s = context;
    (void)level;
    (void)length;
    if (type == WPA_MSG_NO_GLOBAL)
        return;
    if (begins(text, WPA_EVENT_CONNECTED)) {
        /* A chip that sleeps answers late: a board that serves pages does not. */
        if (wpa_s != NULL)
            wpa_drv_set_p2p_powersave(wpa_s, 0, -1, -1);
        say("associated\n");
    } else if (begins(text, WPA_EVENT_DISCONNECTED)) {
        say("disconnected\n");
    } else if (begins(text, WPA_EVENT_TEMP_DISABLED)) {
        if (os_strstr(text, " reason=WRONG_KEY") != NULL)
            say("wrong-key\n");
    } else if (begins(text, WPA_EVENT_AUTH_REJECT)) {
        if (is_refused_proof(text))
            say("wrong-key\n");
    } else if (begins(text, WPA_EVENT_NETWORK_NOT_FOUND)) {
        say("no-network\n");
    }
}

__attribute__((constructor)) static void listen_to_messages(void)
{
    wpa_msg_register_cb(on_message);
}
