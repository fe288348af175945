#!/ka/bin/sh
# Runs the agent. It restarts the machine by itself when it is done or can do
# no more; what follows it here is for an agent that broke.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin:/ka/bin HOME=/root
@ENVIRONMENT@
/ka/node @ARGUMENTS@ /ka/agent.mjs
status=$?
echo "ka: the agent ended with status $status; restarting in 60 s (a shell is on tty2)" >/dev/console
sleep 60
reboot -f
