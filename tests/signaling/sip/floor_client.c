/* A floor client of another project: libre's BFCP. It says hello, asks for the floor, waits for the grant, and releases the
   floor. It prints one line for each message that it understood. Arguments: address, port, conference id, user id, floor id. */
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/socket.h>
#include <re.h>

static struct bfcp_conn *conn;
static struct sa server;
static uint32_t conference;
static uint16_t user, floor_id, request_id;
static bool released;

static void answered(int err, const struct bfcp_msg *msg, void *arg);

static void show(const char *how, const struct bfcp_msg *msg)
{
	struct bfcp_attr *info = bfcp_msg_attr(msg, BFCP_FLOOR_REQ_INFO);
	struct bfcp_attr *overall = info ? bfcp_attr_subattr(info, BFCP_OVERALL_REQ_STATUS) : NULL;
	struct bfcp_attr *state = overall ? bfcp_attr_subattr(overall, BFCP_REQUEST_STATUS) : NULL;
	struct bfcp_attr *error = bfcp_msg_attr(msg, BFCP_ERROR_CODE);

	re_printf("%s %s", how, bfcp_prim_name(msg->prim));
	if (info)
		re_printf(" request %u", info->v.floorreqid);
	if (state)
		re_printf(" %s", bfcp_reqstatus_name(state->v.reqstatus.status));
	if (error)
		re_printf(" %s", bfcp_errcode_name(error->v.errcode.code));
	re_printf("\n");
	fflush(stdout);

	if (msg->prim == BFCP_FLOOR_REQUEST_STATUS && state && state->v.reqstatus.status == BFCP_GRANTED && !released) {
		request_id = info->v.floorreqid;
		released = true;
		bfcp_request(conn, &server, BFCP_VER2, BFCP_FLOOR_RELEASE, conference, user, answered, NULL, 1,
			     BFCP_FLOOR_REQUEST_ID | BFCP_MANDATORY, 0, &request_id);
	}
	else if (state && (state->v.reqstatus.status == BFCP_RELEASED || state->v.reqstatus.status == BFCP_DENIED)) {
		re_cancel();
	}
}

static void answered(int err, const struct bfcp_msg *msg, void *arg)
{
	(void)arg;
	if (err) {
		re_printf("no answer: %m\n", err);
		re_cancel();
		return;
	}
	show("answer", msg);
	if (msg->prim == BFCP_HELLO_ACK)
		bfcp_request(conn, &server, BFCP_VER2, BFCP_FLOOR_QUERY, conference, user, answered, NULL, 1,
			     BFCP_FLOOR_ID | BFCP_MANDATORY, 0, &floor_id);
	else if (msg->prim == BFCP_FLOOR_STATUS)
		bfcp_request(conn, &server, BFCP_VER2, BFCP_FLOOR_REQUEST, conference, user, answered, NULL, 1,
			     BFCP_FLOOR_ID | BFCP_MANDATORY, 0, &floor_id);
	else if (msg->prim == BFCP_ERROR)
		re_cancel();
}

static void received(const struct bfcp_msg *msg, void *arg)
{
	(void)arg;
	if (msg->prim == BFCP_FLOOR_STATUS)
		bfcp_reply(conn, msg, BFCP_FLOOR_STATUS_ACK, 0);
	else if (msg->prim == BFCP_FLOOR_REQUEST_STATUS)
		bfcp_reply(conn, msg, BFCP_FLOOR_REQ_STATUS_ACK, 0);
	show("notice", msg);
}

int main(int argc, char *argv[])
{
	struct sa local;

	if (argc != 6)
		return 2;
	libre_init();
	sa_set_str(&server, argv[1], (uint16_t)atoi(argv[2]));
	conference = (uint32_t)atol(argv[3]);
	user = (uint16_t)atoi(argv[4]);
	floor_id = (uint16_t)atoi(argv[5]);
	sa_set_str(&local, argv[1], 0);
	if (bfcp_listen(&conn, BFCP_UDP, &local, NULL, received, NULL))
		return 3;
	bfcp_request(conn, &server, BFCP_VER2, BFCP_HELLO, conference, user, answered, NULL, 0);
	re_main(NULL);
	mem_deref(conn);
	libre_close();
	return 0;
}
