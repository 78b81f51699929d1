/* What sendmsg and recvmsg check alike. */
#include "message.h"

#include <errno.h>

int __gn_check_message(const struct msghdr *message) {
    if (message == NULL) return EFAULT;
    if (message->msg_name != NULL && (int)message->msg_namelen < 0) return EINVAL;
    if (message->msg_iovlen < 0 || message->msg_iovlen > GN_IOV_MAX) return EMSGSIZE;
    return 0;
}
